import { assertEquals, assertThrows } from "@std/assert";
import { createFileLocks } from "../../src/adapters/libc/flock.ts";

Deno.test("createFileLocks() leaves no file open where the file system has no locks", () => {
  const open = new Set<object>();
  const refuse = () => {
    throw new Error("No locks available");
  };
  const locks = createFileLocks<object>({
    open() {
      const file = {};
      open.add(file);
      return file;
    },
    tryLock: refuse,
    inode: () => 1,
    unlock: refuse,
    close: (file) => void open.delete(file),
  });
  assertThrows(() => locks.lock("file"), Error, "No locks available");
  assertThrows(() => locks.isLocked("file"), Error, "No locks available");
  assertEquals(open.size, 0);
});
