import { assertEquals } from "@std/assert";
import { watchOomKills } from "../../../src/adapters/service/oom_kills.ts";

function reader(files: Record<string, string>): (path: string) => string {
  return (path) => {
    const text = files[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
}

for (
  const [version, cgroup, path] of [
    [2, "0::/service\n", "/sys/fs/cgroup/service/memory.events"],
    [1, "4:memory:/service\n0::/\n", "/sys/fs/cgroup/memory/service/memory.oom_control"],
    [2, "0::/not/visible/in/here\n", "/sys/fs/cgroup/memory.events"],
  ] as const
) {
  Deno.test(`watchOomKills() gives each kill once when ${path} of version ${version} counts them`, () => {
    const files: Record<string, string> = {
      "/proc/self/cgroup": cgroup,
      "/proc/vmstat": "oom_kill 7\n",
      [path]: "under_oom 0\noom 9\noom_kill 3\noom_group_kill 0\n",
    };
    const kills = watchOomKills(reader(files));
    assertEquals(kills.claim(), false);
    files[path] = "oom_kill 5\n";
    assertEquals([kills.claim(), kills.claim(), kills.claim()], [true, true, false]);
  });
}

Deno.test("watchOomKills() takes the machine's counter when there is no control group", () => {
  const files: Record<string, string> = { "/proc/vmstat": "nr_free_pages 1\noom_kill 7\n" };
  const kills = watchOomKills(reader(files));
  files["/proc/vmstat"] = "nr_free_pages 1\noom_kill 8\n";
  assertEquals([kills.claim(), kills.claim()], [true, false]);
});

Deno.test("watchOomKills() claims nothing when nothing can be read", () => {
  assertEquals(watchOomKills(reader({})).claim(), false);
});
