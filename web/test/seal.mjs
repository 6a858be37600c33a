// Seals a parcel as the report page does, by the order on standard input, and
// prints its index. Started by Go's TestParcelSealedByTypeScriptOpensInGo.
import { openAsBlob } from "node:fs";
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import path from "node:path";
import { load } from "./bundled.mjs";

const { derive, describe, dayOf, indexText, parseReceipt, pieces, plainSize, plaintext, reportBytes, seal } = await load(`
  export * from "./bag.js"; export * from "./derive.js"; export * from "./index.js";
  export * from "./receipt.js"; export * from "./report.js"; export * from "./seal.js";
`);

const order = JSON.parse(await text(process.stdin));
const files = await Promise.all(order.files.map((f) => openAsBlob(f)));
const described = describe(files.map((f, i) => ({ name: path.basename(order.files[i]), type: "", size: f.size })));
const { recipient: reply, mailbox, blind } = await derive(parseReceipt(order.receipt));
const story = { what: "bribe", text: order.text, when: "", where: "", fear: "", consent: { face: false, voice: false, place: false }, language: "kk" };
const report = reportBytes(story, { reply, mailbox, blind }, described, dayOf(new Date()));
const { stream, size } = await seal(plaintext(report, described, files), plainSize(report, described), order.recipients);
const all = [];
for await (const p of pieces(stream)) all.push(p);
await writeFile(order.out, Buffer.concat(all.map((p) => p.bytes)));
process.stdout.write(indexText({ size, pieces: all.map((p) => p.hash) }));
