import { join } from "@std/path";
console.log(join("a", "b"));
