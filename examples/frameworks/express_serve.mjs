/**
 * Express under `gpe serve`, which opens the storage and records the server by itself.
 *
 * @module
 */
import { app } from "./express_app.mjs";

app.listen(8000);
