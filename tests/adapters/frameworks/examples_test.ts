import { externalTest } from "../../support/externals.ts";
import type { NodeVersion } from "../../support/node_project.ts";
import { checkoutPath, startServing } from "../../integration/serving.ts";
import { checkExample, exampleFolder, startNodeExample } from "./example_runs.ts";

for (const name of ["deno_serve.ts", "hono.ts", "oak.ts"]) {
  Deno.test(`examples/frameworks/${name} tells routes, errors and sizes under gpe serve`, async () => {
    const app = checkoutPath(`examples/frameworks/${name}`);
    await using serving = await startServing(app, { workers: 1, flags: ["--sizes-by-endpoint"] });
    await checkExample(serving.app, `docs/frameworks/${name.replace(".ts", ".md")}`);
  });
}

type Files = readonly [main: string, ...others: string[]];
type Words = Readonly<Record<string, string>>;

const ON_NODE: readonly [
  what: string,
  version: NodeVersion,
  page: string,
  files: Files,
  replaced?: Words,
][] = [
  ["node:http", 20, "node_http.md", ["node_http.mjs"]],
  ["Express 5", 22, "express.md", ["express.mjs", "express_app.mjs"]],
  ["Express 4", 20, "express.md", ["express.mjs", "express_app.mjs"], {
    '"express"': '"express4"',
  }],
  ["Fastify", 24, "fastify.md", ["fastify.mjs"]],
  ["Koa", 22, "koa.md", ["koa.mjs"]],
  ["Hono", 24, "hono.md", ["hono_node.mjs"]],
];

for (const [what, version, page, files, replaced] of ON_NODE) {
  externalTest(
    `examples/frameworks/${files[0]} tells routes, errors and sizes of ${what} on Node ${version}`,
    ["npm"],
    async () => {
      await using example = await startNodeExample(version, files, replaced);
      await checkExample(example.url, `docs/frameworks/${page}`);
    },
  );
}

// Its server is recorded by the worker already.
const RECORDED: Words = {
  "import { app }": 'import { recordServer } from "@gpe/cli/node";\nimport { app }',
  "app.listen(8000)": "recordServer(app.listen(8000))",
};

// The application has the npm package: another copy of the module than the worker's own.
for (
  const [what, words] of [
    ["Express 5", {}],
    ["Express 4, which asks for it to be recorded", { ...RECORDED, '"express"': '"express4"' }],
  ] as const
) {
  externalTest(
    `examples/frameworks/express_serve.mjs tells routes, errors and sizes of ${what} under gpe serve`,
    ["npm"],
    async () => {
      const files = ["express_serve.mjs", "express_app.mjs"];
      await using folder = await exampleFolder(files, words);
      await Deno.writeTextFile(`${folder.path}/package.json`, "{}");
      await using serving = await startServing(`${folder.path}/express_serve.mjs`, {
        workers: 1,
        flags: ["--sizes-by-endpoint"],
      });
      await checkExample(serving.app, "docs/frameworks/express.md");
    },
  );
}
