// Seals 2 GiB (or as many MiB as the argument says) to five post-quantum
// recipients and cuts them into pieces, as the report page does, and holds that
// memory stays flat. Prints speed and peak.
import assert from "node:assert/strict";
import { load } from "./bundled.mjs";

const MiB = 2 ** 20;
const size = Number(process.argv[2] ?? 2048) * MiB;
const LIMIT = 192 * MiB; // of the whole process above its start

const { describe, generateHybridIdentity, identityToRecipient, pieces, plainSize, plaintext, seal } = await load(`
  export * from "./bag.js"; export * from "./index.js"; export * from "./report.js"; export * from "./seal.js";
  export { generateHybridIdentity, identityToRecipient } from "age-encryption";
`);

const film = { size, name: "film.mp4", type: "video/mp4", slice: (from, to) => ({ arrayBuffer: () => Promise.resolve(new ArrayBuffer(to - from)) }) };
const recipients = [];
for (let i = 0; i < 5; i++) recipients.push(await identityToRecipient(await generateHybridIdentity()));
const report = new TextEncoder().encode("{}");
const described = describe([film]);
const start = process.memoryUsage().rss;
const begun = performance.now();
const sealed = await seal(plaintext(report, described, [film]), plainSize(report, described), recipients);
let peak = 0;
let bytes = 0;
for await (const p of pieces(sealed.stream)) {
  bytes += p.bytes.length;
  peak = Math.max(peak, process.memoryUsage.rss() - start);
}
assert.equal(bytes, sealed.size);
const seconds = (performance.now() - begun) / 1000;
console.log(`sealed ${Math.round(size / MiB)} MiB in ${seconds.toFixed(1)} s (${(size / MiB / seconds).toFixed(0)} MiB/s), peak ${Math.round(peak / MiB)} MiB above start`);
assert.ok(peak < LIMIT, `memory grew by ${Math.round(peak / MiB)} MiB`);
