// Copies the contract to `build/wit`, with inventory's functions as `func` instead of `async func`:
// componentize-qjs can export async functions, but not import them. A host links both kinds.

import { cpSync, readFileSync, writeFileSync } from "node:fs";

cpSync("../wit", "build/wit", { recursive: true, dereference: true });
const inventory = "build/wit/deps/inventory/package.wit";
const contract = readFileSync(inventory, "utf8").replaceAll(": async func(", ": func(");
writeFileSync(inventory, contract);
