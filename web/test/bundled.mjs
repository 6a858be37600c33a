// Loads a TypeScript file of lib/ under node, for tests outside its own runner.
import { build } from "esbuild";
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

export async function load(code) {
  const dir = await mkdtemp(path.join(root, "node_modules", ".cache-"));
  try {
    const outfile = path.join(dir, "lib.mjs");
    await build({
      stdin: { contents: code, resolveDir: path.join(root, "lib"), loader: "ts" },
      outfile, bundle: true, packages: "external", platform: "node", target: "node20", format: "esm", logLevel: "warning",
    });
    return await import(outfile);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
