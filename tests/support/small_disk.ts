/** A disk that is soon full. */
import { tempDir } from "./temp_dir.ts";

/** Mounts a file system of 1 MiB; `undefined` where that is not allowed. */
export async function smallDisk(): Promise<({ path: string } & AsyncDisposable) | undefined> {
  const temp = await tempDir();
  const run = async (program: string, ...args: string[]): Promise<boolean> => {
    const { success } = await new Deno.Command(program, { args, stderr: "null" }).output();
    return success;
  };
  const options = "size=1m,mode=0700";
  if (!await run("mount", "-t", "tmpfs", "-o", options, "gpe_test", temp.path)) {
    await temp[Symbol.asyncDispose]();
    return undefined;
  }
  return {
    path: temp.path,
    async [Symbol.asyncDispose]() {
      await run("umount", "-l", temp.path);
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** Whether that is allowed. */
export const canMount = Deno.build.os === "linux" && Deno.uid() === 0 &&
  await smallDisk().then(async (disk) => {
    await disk?.[Symbol.asyncDispose]();
    return disk !== undefined;
  });
