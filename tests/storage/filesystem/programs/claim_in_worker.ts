/** A thread that claims a writer id and tells which one. */
import { openFilesystemWriter } from "../../../../src/storage/filesystem/mod.ts";
import { add, key, PRIMITIVES } from "../_support.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(message: string): void;
};

scope.onmessage = ({ data: directory }) => {
  const writer = openFilesystemWriter({ directory, primitives: PRIMITIVES.mapped });
  add(writer.allocate("counter", undefined, key(1)), 1);
  scope.postMessage(writer.writer);
};
