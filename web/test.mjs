// Runs every *.test.ts below lib/ and components/ (or those named on the command
// line) with node's own test runner: esbuild turns each into one file first.
import { build } from "esbuild";
import { spawn } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(root, "node_modules", ".cache", `tests-${process.pid}`);

async function tests(dir) {
  const found = [];
  for (const e of await readdir(path.join(root, dir), { withFileTypes: true })) {
    const name = path.join(dir, e.name);
    if (e.isDirectory()) found.push(...(await tests(name)));
    else if (name.endsWith(".test.ts")) found.push(name);
  }
  return found;
}

const named = process.argv.slice(2).map((f) => path.relative(root, path.resolve(f)));
const entryPoints = named.length > 0 ? named : [...(await tests("lib")), ...(await tests("components"))];
await build({
  absWorkingDir: root, entryPoints, outdir: out, outbase: ".", bundle: true, packages: "external",
  platform: "node", target: "node20", format: "esm", outExtension: { ".js": ".mjs" }, sourcemap: "inline", logLevel: "warning",
});
const files = entryPoints.map((f) => path.join(out, f.replace(/\.ts$/, ".mjs")));
const run = spawn(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=spec", "--test-timeout=120000", ...files], { cwd: root, stdio: "inherit" });
run.on("exit", async (code) => {
  await rm(out, { recursive: true, force: true });
  process.exitCode = code ?? 1;
});
