// Looks at files as the report page does and takes out what it can, by the order
// on standard input: [{file, painted, out}], where painted stands for a photo's
// pixels written anew, which needs a browser. Prints for each what was seen, of
// the file and of the copy, or the fault. Started by Go's TestLookAndTakeOut.
import { openAsBlob } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import path from "node:path";
import { load } from "./bundled.mjs";

const { look, takeOut } = await load(`export * from "./look/look.js"; export * from "./look/takeout.js";`);

const told = (sheet) => ({ format: sheet.format, facts: sheet.facts, gaps: [...sheet.gaps] });
const all = [];
for (const order of JSON.parse(await text(process.stdin))) {
  const file = new File([await openAsBlob(order.file)], path.basename(order.file));
  const sheet = await look(file);
  const one = { seen: told(sheet) };
  try {
    const type = path.extname(order.file) === ".png" ? "image/png" : "image/jpeg";
    const made = await takeOut(file, sheet.format, async () => new Blob([await readFile(order.painted)], { type }));
    await writeFile(order.out, Buffer.from(await made.arrayBuffer()));
    one.left = told(await look(made));
    one.name = made.name;
  } catch (err) {
    if (!err.key) throw err;
    one.fault = err.key;
  }
  all.push(one);
}
process.stdout.write(JSON.stringify(all));
