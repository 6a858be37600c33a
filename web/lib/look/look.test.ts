import assert from "node:assert/strict";
import test from "node:test";
import { concat, utf8, type Bytes } from "../bytes.js";
import { Fault } from "../fault.js";
import { planFilm, type Part } from "./film-out.js";
import { look, lookName } from "./look.js";
import { Sheet } from "./sheet.js";
import { neutralName, renamed } from "./names.js";
import { takeOut, wayOut } from "./takeout.js";
import { find } from "./text.js";
import { holes, union } from "./tracks.js";

// Made-up files, no longer than what is looked at in them.

const be32 = (n: number) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);
const be16 = (n: number) => Uint8Array.of(n >>> 8, n);
const letters = (s: string) => Uint8Array.from(s, (c) => c.charCodeAt(0));
const box = (kind: string, ...body: Uint8Array[]) => {
  const b = concat(...body);
  return concat(be32(b.length + 8), letters(kind), b);
};
const zeros = (n: number) => new Uint8Array(n);

interface Strip {
  handler: string;
  entry: Uint8Array;
  samples: Uint8Array[];
  /** What stsz says of all samples together, where it lists none. */
  fixed?: number;
}

const picture = (extra: Uint8Array = zeros(0)) => box("avc1", zeros(6), be16(1), zeros(16), be16(64), be16(48), zeros(14), letters("\x0fkanarejka-coder"), zeros(16), be16(24), be16(0xffff), extra);
const pcm = () => box("sowt", zeros(6), be16(1), zeros(8), be16(2), be16(16), zeros(4), be32(8000 << 16));
const video: Strip = { handler: "vide", entry: picture(), samples: [letters("picture-1."), letters("picture-2.")] };
const gopro: Strip = { handler: "meta", entry: box("gpmd", zeros(6), be16(1)), samples: [letters("kanarejka-way-1"), letters("kanarejka-way-2")] };

/** A film of one chunk a sample, the strips' samples in turn, the index behind them. */
function film(strips: Strip[], o: { udta?: Uint8Array; brand?: string; between?: Uint8Array; slack?: Uint8Array } = {}): Bytes {
  const head = box("ftyp", letters(o.brand ?? "qt  "), zeros(4));
  let data: Uint8Array = o.between ?? zeros(0);
  const slack = o.slack ?? zeros(0);
  const places: number[][] = strips.map(() => []);
  for (let i = 0; strips.some((s) => i < s.samples.length); i++) {
    strips.forEach((s, n) => {
      if (i >= s.samples.length) return;
      places[n]!.push(head.length + 8 + data.length);
      data = concat(data, s.samples[i]!);
    });
  }
  const traks = strips.map((s, n) => {
    const perChunk = s.fixed ? s.samples[0]!.length / 4 : 1;
    const count = s.samples.length * perChunk;
    const sizes = s.fixed ? zeros(0) : concat(...s.samples.map((x) => be32(x.length)));
    const stbl = box("stbl", box("stsd", zeros(4), be32(1), s.entry), box("stsc", zeros(4), be32(1), be32(1), be32(perChunk), be32(1)),
      box("stsz", zeros(4), be32(s.fixed ?? 0), be32(count), sizes), box("stco", zeros(4), be32(places[n]!.length), ...places[n]!.map(be32), slack));
    const dinf = box("dinf", box("dref", zeros(4), be32(1), box("url ", be32(1))));
    return box("trak", box("tkhd", zeros(4), be32(0xe4f0a1b2), be32(0xe4f0a1b2), zeros(72)),
      box("mdia", box("mdhd", zeros(4), be32(0xe4f0a1b2), zeros(16)), box("hdlr", zeros(8), letters(s.handler), letters("appl"), zeros(8), letters("kanarejka-handler\0")), box("minf", dinf, stbl)));
  });
  return concat(head, box("mdat", data), box("moov", box("mvhd", zeros(4), be32(0xe4f0a1b2), zeros(92), slack), ...traks, o.udta ?? zeros(0)));
}

const file = (b: Bytes, name = "a.mov") => new File([b], name);
const facts = async (b: Bytes) => (await look(file(b))).facts.map((f) => `${f.kind} ${f.name} ${f.value}`);
const faultKey = (key: string) => (err: unknown) => err instanceof Fault && err.key === key;
const bytesOf = async (f: Blob) => new Uint8Array(await f.arrayBuffer());

const udta = box("udta", box("\u00a9xyz", be16(18), be16(0), letters("+43.2567+076.9286/")), box("loci", zeros(6), letters("Almaty\0\0"), be32(74.5 * 65536), be32(42.25 * 65536), zeros(4)));
const keys = ["com.apple.quicktime.make", "com.apple.quicktime.model", "com.apple.quicktime.location.ISO6709", "com.android.version"];
const mdta = box("meta", box("hdlr", zeros(8), letters("mdta"), zeros(13)), box("keys", zeros(4), be32(keys.length), ...keys.map((k) => box("mdta", letters(k)))),
  box("ilst", ...["kanarejka-make", "kanarejka-model", "+42.5+074.5/", "14"].map((v, i) => concat(be32(24 + v.length), be32(i + 1), box("data", be32(1), be32(0), letters(v))))));

test("a film tells place, device, time and its hidden tracks", async () => {
  const got = await facts(film([video, gopro], { udta: concat(udta, mdta) }));
  for (const want of ["place position 43.256700, 76.928600", "place place_name Almaty", "place position 42.250000, 74.500000", "device make kanarejka-make", "device model kanarejka-model",
    "place position 42.500000, 74.500000", "software program 14", "track telemetry gpmd", "time taken 2025-09-17 17:34:42 UTC", "encoding handler appl kanarejka-handler", "encoding compressor kanarejka-coder"]) {
    assert.ok(got.includes(want), `${want} is not in\n${got.join("\n")}`);
  }
});

test("of a film picture and sound stay, in their places, and nothing else does", async () => {
  const sound: Strip = { handler: "soun", entry: pcm(), samples: [letters("sound-1.sound-1."), letters("sound-2.sound-2.")], fixed: 1 };
  const before = film([video, gopro, sound], { udta: concat(udta, mdta), between: letters("freeGPS kanarejka-hidden") });
  const made = await bytesOf(await takeOut(file(before), "mp4"));
  assert.equal(made.length, before.length);
  assert.equal(find(made, "kanarejka"), -1);
  for (const kept of ["picture-1.", "picture-2.", "sound-1.sound-1.", "sound-2.sound-2."]) assert.equal(find(made, kept), find(before, kept), kept);
  assert.deepEqual((await look(file(made))).facts, []);
});

test("what stands behind a table and in a second list of forms is told and taken out", async () => {
  const before = concat(film([video], { slack: letters("kanarejka-slack") }), box("ftyp", letters("kanarejka-brands")));
  const told = await facts(before);
  for (const want of ["leftover unknown kanarejka-slack", "leftover unused kanarejka-brands"]) assert.ok(told.includes(want), `${want} is not in\n${told.join("\n")}`);
  const made = await bytesOf(await takeOut(file(before), "mp4"));
  assert.equal(find(made, "kanarejka"), -1);
  assert.equal(find(made, "picture-2."), find(before, "picture-2."));
});

test("what is not read is said", async () => {
  const jpeg = (n: number, ...body: Uint8Array[]) => {
    const b = concat(...body);
    return concat(Uint8Array.of(0xff, 0xd8, 0xff, n), be16(b.length + 2), b, Uint8Array.of(0xff, 0xd9));
  };
  // The directory of places by a pointer of its own type, an entry of no known type, and a latitude of 43.5 and a longitude of 76.5.
  const entry = (id: number, type: number, count: number, value: number) => concat(be16(id), be16(type), be32(count), be32(value));
  const degrees = (n: number) => concat(be32(n), be32(1), be32(30), be32(1), be32(0), be32(1));
  const tiff = concat(letters("MM\0*"), be32(8), be16(2), entry(0x8825, 13, 1, 38), entry(0x9999, 99, 1, 0), be32(0), be16(2), entry(2, 5, 3, 68), entry(4, 5, 3, 92), be32(0), degrees(43), degrees(76));
  const place = await look(file(jpeg(0xe1, letters("Exif\0\0"), tiff)));
  assert.deepEqual(place.facts.map((f) => f.value), ["43.500000, 76.500000"]);
  assert.deepEqual([...place.gaps], ["unknown"]);
  const long = Array.from({ length: 500 }, (_, i) => `<x:a${i}>w</x:a${i}>`).join("");
  const xmp = await look(file(jpeg(0xe1, letters("http://ns.adobe.com/xap/1.0/\0"), utf8(`<x:xmpmeta>${long}</x:xmpmeta>`))));
  assert.ok(xmp.gaps.has("too_many"));
  const iptc = await look(file(jpeg(0xed, Uint8Array.of(0x1c, 1, 100, 0, 9), letters("kanarejka"), letters("rest"))));
  assert.deepEqual(iptc.facts.map((f) => f.value), ["kanarejka"]);
  assert.deepEqual([...iptc.gaps], ["broken"]);
  const zero = { size: 80 << 20, slice: (from: number, to: number) => new Blob([concat(from === 0 ? jpeg(0xdb) : zeros(0), zeros(to - from)).slice(0, to - from)]) };
  assert.deepEqual([...(await look(zero)).gaps], ["too_large"]);
});

test("a film that cannot be taken apart for certain is refused", async () => {
  const odd = (entry: Uint8Array, handler = "vide"): Strip => ({ handler, entry, samples: [letters("x")] });
  const lying = film([video]);
  lying.set(be32(0x00ffffff), find(lying, "stco") + 12);
  const cases: [string, string, Bytes][] = [
    ["an unknown kind of picture", "report.look.out.form", film([odd(box("kuaV", zeros(78)))])],
    ["old packed sound", "report.look.out.form", film([video, { handler: "soun", entry: box("QDM2", zeros(6), be16(1), zeros(20)), samples: [letters("abcd")], fixed: 1 }])],
    ["tags of FLAC", "report.look.out.form", film([video, odd(box("fLaC", zeros(6), be16(1), zeros(20), box("dfLa", zeros(42), letters("kanarejka"))), "soun")])],
    ["no picture and no sound", "report.look.out.form", film([gopro])],
    ["samples outside of the data", "report.look.out.broken", lying],
    ["no index", "report.look.out.broken", concat(box("ftyp", letters("isom"), zeros(4)), box("mdat", letters("x")))],
    ["an index cut off", "report.look.out.broken", film([video]).slice(0, -9)],
    ["pieces", "report.look.out.form", concat(film([video]), box("moof", zeros(8)))],
  ];
  for (const [name, key, b] of cases) await assert.rejects(planFilm(new Blob([b])), faultKey(key), name);
  const elsewhere = film([video]);
  const at = find(elsewhere, "url ");
  elsewhere[at + 7] = 0; // the data lies in another file
  await assert.rejects(planFilm(new Blob([elsewhere])), faultKey("report.look.out.form"));
});

test("a film of many gigabytes is not read", async () => {
  const body = film([video, gopro], { udta });
  const ftyp = 16;
  const data = new DataView(body.buffer).getUint32(ftyp);
  // The same film with its data box six gigabytes long: what is between is never asked for.
  const long = 6 * 2 ** 30;
  const head = concat(body.subarray(0, ftyp), be32(1), letters("mdat"), be32(Math.floor((data + 8 + long) / 2 ** 32)), be32((data + 8 + long) % 2 ** 32));
  const front = concat(head, body.subarray(ftyp + 8, ftyp + data));
  const moov = body.slice(ftyp + data);
  for (let at = find(moov, "stco"); at >= 0; at = find(moov, "stco", at + 4)) {
    const v = new DataView(moov.buffer, at + 8);
    for (const i of [4, 8]) v.setUint32(i, v.getUint32(i) + 8);
  }
  let read = 0;
  const source = {
    size: front.length + long + moov.length,
    slice(from: number, to: number) {
      read += to - from;
      const part = new Uint8Array(to - from);
      for (const [at, b] of [[0, front], [front.length + long, moov]] as const) {
        const [a, z] = [Math.max(from, at), Math.min(to, at + b.length)];
        if (z > a) part.set(b.subarray(a - at, z - at), a - from);
      }
      return { arrayBuffer: () => Promise.resolve(part.buffer) };
    },
  };
  const parts = await planFilm(source);
  assert.ok(read < 2 << 20, `planning read ${read} bytes`);
  const size = (p: Part) => ("zeros" in p ? p.zeros : "bytes" in p ? p.bytes.length : p.to - p.from);
  assert.equal(parts.reduce((n, p) => n + size(p), 0), source.size);
  read = 0;
  const sheet = await look(source);
  assert.ok(sheet.facts.some((f) => f.name === "telemetry"));
  assert.ok(read < 80 << 20, `the look read ${read} bytes`);
});

test("a photo is written anew, or the original stays", async () => {
  const jpeg = concat(letters("\u00ff\u00d8\u00ff\u00fe\0\x0b"), utf8("kanarejka"), letters("\u00ff\u00db\0\x03\x01\u00ff\u00da\0\x02\x55\u00ff\u00d9"));
  const photo = new File([jpeg], "IMG_20240501.jpg");
  assert.deepEqual(await facts(jpeg), ["text comment kanarejka"]);
  const made = await takeOut(photo, "jpeg", () => Promise.resolve(new Blob([jpeg], { type: "image/jpeg" })));
  assert.equal(find(await bytesOf(made), "kanarejka"), -1, "what the browser adds is left out");
  const bad = concat(letters("\u00ff\u00d8\u00ff\u00da\0\x02\x55\u00ff\u00fe\0\x0b"), utf8("kanarejka"), letters("\u00ff\u00d9"));
  await assert.rejects(takeOut(photo, "jpeg", () => Promise.resolve(new Blob([bad], { type: "image/jpeg" }))), faultKey("report.look.out.left"));
  await assert.rejects(takeOut(photo, "jpeg", () => Promise.resolve(new Blob(["no photo"], { type: "image/png" }))), faultKey("report.look.out.left"));
  await assert.rejects(takeOut(photo, "jpeg", () => Promise.reject(new Fault("report.look.out.decode"))), faultKey("report.look.out.decode"));
  await assert.rejects(takeOut(photo, "pdf"), faultKey("report.look.out.form"));
  assert.equal((await takeOut(new File([jpeg], "photo.heic"), "heic", () => Promise.resolve(new Blob([jpeg], { type: "image/jpeg" })))).name, "photo.jpg");
});

test("names that tell are told, and neutral ones are not", () => {
  const told = (name: string) => {
    const sheet = new Sheet();
    lookName(name, sheet);
    return sheet.facts.map((f) => f.kind).join();
  };
  for (const name of ["IMG_20240501_120000.jpg", "VID-2024-05-01.mp4", "1714557600000.jpg"]) assert.equal(told(name), "time", name);
  for (const name of ["Айгүл at the bridge.jpg", "GX010123.MP4"]) assert.equal(told(name), "text", name);
  for (const name of ["1.jpg", "file-12.mp4"]) assert.equal(told(name), "", name);
  assert.equal(neutralName("VID_2024.MP4", 3), "file-3.mp4");
  assert.equal(neutralName("no ending", 1), "file-1");
  assert.equal(renamed(new File(["x"], "a.jpg", { type: "image/jpeg" }), "file-1.jpg").type, "image/jpeg");
});

test("ranges are joined, and what lies between them is found", () => {
  assert.deepEqual(union([[10, 20, 30, 40], [15, 25, 40, 50], [5, 5]]), [10, 25, 30, 50]);
  assert.deepEqual(holes([10, 25, 30, 50], 0, 60), [0, 10, 25, 30, 50, 60]);
  assert.deepEqual(holes([10, 25, 30, 50], 20, 40), [25, 30]);
  assert.deepEqual(holes([], 1, 3), [1, 3]);
});

test("rubbish and files cut anywhere end in words and not in an error", async () => {
  const exif = concat(letters("\u00ff\u00d8\u00ff\u00e1\0\x2aExif\0\0II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0abc\0\x10\x01\x02\0\u00ff\u00ff\u00ff\u007fxxxx"), letters("\u00ff\u00d9"));
  const png = concat(letters("\u0089PNG\r\n\u001a\n"), be32(13), letters("IHDR"), zeros(17), be32(9), letters("zTXtkey\0\0\x78\x9c\x01"), zeros(4), be32(0), letters("IEND"), zeros(4));
  const webp = concat(letters("RIFF\x40\0\0\0WEBPEXIF\x10\0\0\0II*\0\x08\0\0\0"), zeros(12));
  const heic = concat(box("ftyp", letters("heic"), zeros(4)), box("meta", zeros(4), box("iinf", zeros(4), be16(1), box("infe", be32(2 << 24), be16(1), be16(0), letters("Exif\0"))),
    box("iloc", be32(0), letters("\x44\x40"), be16(1), be16(1), be16(0), be32(0), be16(1), be32(4), be32(0xffffffff))));
  const seeds = [exif, png, webp, heic, film([video, gopro], { udta: concat(udta, mdta) }), film([video])];
  let random = 7;
  const next = (n: number) => (random = (random * 1103515245 + 12345) % 2 ** 31) % n;
  for (const seed of seeds) {
    const formats = await look(new Blob([seed]));
    assert.notEqual(formats.format, "");
    for (let i = 0; i < 150; i++) {
      const b = i % 3 === 0 ? seed.slice(0, next(seed.length)) : seed.slice();
      for (let k = 0; k < i % 5; k++) b[next(b.length || 1)] = [0, 255, 1, 127, next(256)][next(5)]!;
      const sheet = await look(new Blob([b]));
      if (wayOut(sheet.format) === "film") await planFilm(new Blob([b])).catch((err: unknown) => assert.ok(err instanceof Fault, String(err)));
    }
  }
  assert.equal((await look(new Blob([letters("%PDF-1.7")]))).format, "");
  assert.equal((await look(new Blob([]))).format, "");
});
