/**
 * Express on Node.
 *
 * ```sh
 * GPE_SIZES_BY_ENDPOINT=true node express.mjs
 * curl http://localhost:3000/metrics
 * ```
 *
 * @module
 */
import process from "node:process";
import { openStorage } from "@gpe/cli";
import { recordServer } from "@gpe/cli/node";
import { app } from "./express_app.mjs";

openStorage();
const port = Number(process.env.PORT ?? 3000);
recordServer(app.listen(port, () => console.log(`Listening on http://localhost:${port}`)));
