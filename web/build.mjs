// Bundles the browser code with esbuild into dist/, under names that carry a
// hash of the content, and writes dist/manifest.json: plain name → built name.
// Nothing is fetched and nothing from outside is linked.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

// ENTRIES: the built file's plain name → its source below components/. Scripts
// are classic ones, so that pages and workers of older browsers can start them.
const ENTRIES = {
  "base.css": "base/base.css",
  "site.css": "site/site.css",
  "desk.css": "desk/desk.css",
  "marker.css": "marker/marker.css",
  "marker.js": "marker/start.ts",
  "lane.css": "lane/lane.css",
  "lane-where.js": "lane/where.ts",
  "lane-draft.js": "lane/draft.ts",
  "lane-shrink.js": "lane/shrink.ts",
  "lane-passkey.js": "lane/passkey.ts",
  "lane-work.js": "lane/work.ts",
  "lane-work-worker.js": "lane/work-worker.ts",
  "reader.css": "reader/reader.css",
  "reader.js": "reader/reader.ts",
  "report.css": "report/report.css",
  "report.js": "report/report.ts",
  "report-look.js": "report/look.ts",
  "report-worker.js": "report/worker.ts",
  "replies.css": "replies/replies.css",
  "replies.js": "replies/replies.ts",
  "replies-worker.js": "replies/worker.ts",
};

// The cryptography needs BigInt, which came with ES2020; pages alone get by
// with less, so that an old browser can at least say that it is too old.
const PAGES = "es2019";
const WORKERS = "es2020";
const STYLES = ["chrome80", "firefox78", "safari13.1"];

// The desk's few people have a browser of these years.
const DESK = ["es2021", "chrome90", "firefox90", "safari15"];

// The single file's checker runs on phones that are updated no more: Chrome 67 and
// what Android's own views of that time take is the oldest that has BigInt.
const OLD = "es2017";

// LATER: functions by the year from which on browsers have them. esbuild writes an older
// language and adds none of these, and a script ends where it calls one that is not there.
const LATER = [
  [2019, /\.(flat|flatMap)\(|Object\.fromEntries/],
  [2020, /\.matchAll\(|Promise\.allSettled/],
  [2021, /\.(at|replaceAll)\(|Object\.hasOwn|Promise\.any|structuredClone|randomUUID/],
  [2022, /\.(findLast|findLastIndex|toSorted|toReversed|toSpliced|isWellFormed)\(|Object\.groupBy|withResolvers|AbortSignal\.(any|timeout)/],
];
const YEAR = { [OLD]: 2018, [PAGES]: 2019, [WORKERS]: 2020 };

// IN_PLACE: what libraries call all the same, and what stands in lib/own.ts for it.
const IN_PLACE = { "Object.hasOwn": "kuaHasOwn" };

function target(name) {
  if (name === "reader.js") return OLD;
  if (name.startsWith("marker")) return DESK;
  if (name.endsWith(".css")) return STYLES;
  return name.includes("worker") ? WORKERS : PAGES;
}

const root = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(root, "dist");

// IN_PARTS: scripts too long for a link that lets 16 kB of a connection pass. They lie
// in parts too, and the scripts that fetch them know how many and what all hash to.
const IN_PARTS = { "report-worker.js": "report.js", "replies-worker.js": "replies.js" };
const PART = 20_000; // bytes, which compress to 8,000 and less

// known refuses a script that calls what its oldest browser has not got.
async function known(file, year) {
  const code = await readFile(file, "utf8");
  for (const [from, calls] of LATER) {
    const found = from > year && calls.exec(code);
    if (found) throw new Error(`${path.basename(file)} is for browsers of ${year} and calls ${found[0]}, which they have since ${from}`);
  }
}

async function bundle(name, source, outdir, define = {}) {
  const ext = path.extname(name);
  await build({
    absWorkingDir: root, define: { ...IN_PLACE, ...define }, inject: ["lib/own.ts"],
    entryPoints: { [path.basename(name, ext)]: path.join("components", source) },
    outdir,
    bundle: true,
    minify: true,
    charset: "utf8",
    format: "iife",
    platform: "browser",
    target: target(name),
    supported: target(name) === OLD ? { bigint: true } : {},
    entryNames: "[name].[hash]",
    assetNames: "[name].[hash]",
    loader: { ".svg": "file" },
    publicPath: "/assets",
    legalComments: name === "reader.js" ? "inline" : "none", // the file is passed on alone
    sourcemap: false,
    logLevel: "warning",
  });
}

// compress keeps a smaller form beside the file, where there is one.
async function compress(file) {
  const plain = await readFile(file);
  const forms = {
    ".gz": gzipSync(plain, { level: 9 }),
    ".br": brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } }),
  };
  for (const [ext, bytes] of Object.entries(forms)) {
    if (bytes.length < plain.length) await writeFile(file + ext, bytes);
  }
}

// replace swaps the content of dist for what was built: files first, the
// manifest that names them, and then what nothing names any more.
async function replace(fresh, manifest) {
  await mkdir(dist, { recursive: true });
  const built = await readdir(fresh);
  for (const f of built) await rename(path.join(fresh, f), path.join(dist, f));
  const text = JSON.stringify(manifest, null, 2) + "\n";
  await writeFile(path.join(dist, "manifest.json.new"), text);
  await rename(path.join(dist, "manifest.json.new"), path.join(dist, "manifest.json"));
  const keep = new Set([...built, "manifest.json", ".gitkeep"]);
  for (const f of await readdir(dist)) {
    if (!keep.has(f)) await rm(path.join(dist, f), { recursive: true });
  }
}

const fresh = path.join(root, "node_modules", ".cache", `dist-${process.pid}`);
await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
for (const [name, source] of Object.entries(ENTRIES)) {
  if (!existsSync(path.join(root, "components", source))) throw new Error(`build.mjs lists ${name}, but components/${source} is not there`);
}
const later = new Set(Object.values(IN_PARTS));
await Promise.all(Object.entries(ENTRIES).filter(([name]) => !later.has(name)).map(([name, source]) => bundle(name, source, fresh)));
const parts = {};
for (const f of await readdir(fresh)) {
  const [, stem, hash, ext] = /^(.*)\.([^.]+)(\.[^.]+)$/.exec(f);
  if (!IN_PARTS[stem + ext]) continue;
  const whole = await readFile(path.join(fresh, f));
  const count = Math.ceil(whole.length / PART);
  for (let n = 0; n < count; n++) await writeFile(path.join(fresh, `${stem}-part${n}.${hash}${ext}`), whole.subarray(n * PART, (n + 1) * PART));
  parts[stem] = { count, sha256: createHash("sha256").update(whole).digest("hex") };
}
await Promise.all([...later].map((name) => bundle(name, ENTRIES[name], fresh, { KUA_PARTS: JSON.stringify(parts) })));

const manifest = {};
for (const f of (await readdir(fresh)).sort()) {
  const [, stem, , ext] = /^(.*)\.([^.]+)(\.[^.]+)$/.exec(f);
  manifest[stem + ext] = f;
  if (YEAR[target(stem + ext)] && ext === ".js") await known(path.join(fresh, f), YEAR[target(stem + ext)]);
  await compress(path.join(fresh, f));
}
for (const name of Object.keys(ENTRIES)) {
  if (!manifest[name]) throw new Error(`${name} was not built`);
}
await replace(fresh, manifest);
await rm(fresh, { recursive: true, force: true });

const sum = createHash("sha256").update(JSON.stringify(manifest)).digest("hex").slice(0, 12);
console.log(`web: ${Object.keys(manifest).length} files, ${sum}`);
