import assert from "node:assert/strict";
import test from "node:test";
import { Decrypter } from "age-encryption";
import { hashOf, hashText } from "./hash.js";
import { bagOf, collect, plainBytes } from "./testing.js";
import { base64, concat, textOf } from "./bytes.js";
import { canonical, parseCanonical } from "./canon.js";
import { Fault } from "./fault.js";
import { indexText, parcelID, PIECE, pieces, readIndex } from "./index.js";
import { padme } from "./padme.js";
import { describe, LIMITS, reportBytes, validate, type ReportFile, type ReplyTo, type Story } from "./report.js";
import { kindOf, seal } from "./seal.js";
import { entrySize, header } from "./tar.js";
import { vectorBytes, vectors } from "./vectors.js";

type ReportDocument = Story & ReplyTo & { kind: string; files?: ReportFile[]; written: string };

interface Tiny {
  report: ReportDocument;
  files: { name: string; type: string; base64: string }[];
  plain: number;
  plain_sha256: string;
  identity: string;
  recipient: string;
  index: string;
  id: string;
}

const tiny = vectors<Tiny>("parcel-tiny");

const faultKey = (key: string) => (err: unknown) => err instanceof Fault && err.key === key;

test("padded sizes are those of the vectors", () => {
  for (const { bytes, padded } of vectors<{ sizes: { bytes: number; padded: number }[] }>("padme").sizes) {
    assert.equal(padme(bytes), padded, `padme(${bytes})`);
  }
});

test("canonical JSON is what the vectors say, and nothing else is taken", () => {
  for (const r of vectors<{ reports: { name: string; report: object; canonical: string }[] }>("parcel-report").reports) {
    assert.equal(canonical(r.report as never), r.canonical, r.name);
    assert.deepEqual(parseCanonical(r.canonical), r.report, r.name);
  }
  for (const text of ['{"a":1,"a":1}', '{"b":1,"a":1}', "[1.0]", " 1", '"\\u0041"', "[1,]", '{"a":1}\n', "1e2"]) {
    assert.throws(() => parseCanonical(text), Fault, text);
  }
  assert.throws(() => canonical(NaN), faultKey("canon.not_json"));
});

test("report.json of a filled form is what the vectors say", () => {
  for (const r of vectors<{ reports: { name: string; report: ReportDocument; canonical: string }[] }>("parcel-report").reports) {
    const { report } = r;
    const story: Story = { ...report, text: report.text ?? "", when: report.when ?? "", where: report.where ?? "", fear: report.fear ?? "" };
    assert.equal(textOf(reportBytes(story, report, report.files ?? [], report.written)), r.canonical, r.name);
  }
});

test("a form that no reader would take is refused", () => {
  const good: Story = { what: "bribe", text: "x", when: "", where: "", fear: "", consent: { face: false, voice: false, place: false }, language: "kk" };
  validate(good, []);
  validate({ ...good, text: "" }, [{ size: 1 }]);
  const cases: [string, Story, { size: number }[]][] = [
    ["parcel.empty_report", { ...good, text: " \n" }, []],
    ["parcel.what", { ...good, what: "" }, []],
    ["parcel.text_too_long", { ...good, text: "я".repeat(LIMITS.text / 2 + 1) }, []],
    ["parcel.member", { ...good, when: "a\0b" }, []],
    ["parcel.member", { ...good, point: { lat: NaN, lon: 0 } }, []],
    ["parcel.too_many_files", good, Array.from({ length: 201 }, () => ({ size: 1 }))],
  ];
  for (const [key, story, files] of cases) assert.throws(() => validate(story, files), faultKey(key));
});

test("attachments get neutral paths, and names and types that fit", () => {
  const got = describe([
    { name: "Фото 1.JPEG", type: "image/jpeg", size: 1 },
    { name: "заметка", type: "", size: 2 },
    { name: "a.b.toolongextension", type: "audio/ogg; codecs=opus", size: 3 },
    { name: "ж".repeat(300) + ".mp4", type: "VIDEO/MP4", size: 4 },
    { name: "lone\ud800.x-y", type: "no type", size: 5 },
  ]);
  assert.deepEqual(got.map((f) => f.path), ["data/files/1.jpeg", "data/files/2.bin", "data/files/3.bin", "data/files/4.mp4", "data/files/5.bin"]);
  assert.deepEqual(got.map((f) => f.type), ["image/jpeg", "application/octet-stream", "audio/ogg", "video/mp4", "application/octet-stream"]);
  assert.equal(got[4]!.name, "lone\uFFFD.x-y");
  assert.ok(new TextEncoder().encode(got[3]!.name).length <= 255 && got[3]!.name.endsWith(".mp4"), got[3]!.name);
});

test("the plaintext is byte for byte that of the vector", async () => {
  const { report, described, sources } = bagOf(tiny);
  const plain = await plainBytes(report, described, sources);
  assert.equal(plain.length, tiny.plain);
  assert.deepEqual(plain, vectorBytes("parcel-tiny.tar"));
  assert.equal(await hashOf(plain), tiny.plain_sha256);
});

test("a file that changed while it was sealed ends the sealing", async () => {
  const { report, described, sources } = bagOf(tiny);
  const gone = { size: sources[0]!.size, slice: () => ({ arrayBuffer: () => Promise.reject(new Error("NotReadableError")) }) };
  await assert.rejects(plainBytes(report, described, [gone, sources[1]!]), faultKey("parcel.source_changed"));
  await assert.rejects(plainBytes(report, described, [new Blob(["longer than it was"]), sources[1]!]), faultKey("parcel.source_changed"));
  const short = { size: sources[0]!.size, slice: () => ({ arrayBuffer: () => Promise.resolve(new ArrayBuffer(1)) }) };
  await assert.rejects(plainBytes(report, described, [short, sources[1]!]), faultKey("parcel.source_changed"));
});

test("tar headers of 8 GiB and more are PAX", () => {
  const small = header("parcel/data/files/1.mp4", 2 ** 33 - 1);
  assert.equal(small.length, 512);
  assert.equal(textOf(small.slice(124, 135)), "77777777777");
  const big = header("parcel/data/files/1.mp4", 2 ** 33);
  assert.equal(big.length, 3 * 512);
  assert.equal(textOf(big.slice(0, 37)), "parcel/data/files/PaxHeaders.0/1.mp4\0");
  assert.equal(textOf(big.slice(512, 531)), "19 size=8589934592\n");
  assert.equal(hashText(textOf(big)), "fa0951b164fc8e2bf88ef44f57025771e29c7f51d5e4bb6e228726b789de32d0", "as Go's archive/tar writes it");
  assert.equal(entrySize(2 ** 33), 3 * 512 + 2 ** 33);
});

test("the index is what the vectors say", () => {
  const v = vectors<{ index: { size: number; pieces: string[]; text: string; id: string }[]; refuse: { name: string; text: string; fault: string }[] }>("parcel-index");
  for (const x of v.index) {
    assert.equal(indexText(x), x.text);
    assert.equal(parcelID(x), x.id);
    assert.deepEqual(readIndex(x.text), { size: x.size, pieces: x.pieces });
  }
  for (const r of v.refuse) assert.throws(() => readIndex(r.text), faultKey(r.fault), r.name);
});

test("pieces are cut at the fixed size and named by their hash", async () => {
  const sealed = vectorBytes("parcel-tiny.age");
  const got = await collect(pieces(new Blob([sealed]).stream()));
  assert.equal(indexText({ size: sealed.length, pieces: got.map((p) => p.hash) }), tiny.index);
  assert.equal(hashText(tiny.index), tiny.id);

  const long = new Uint8Array(2 * PIECE + 1).map((_, i) => i % 251);
  const cut = await collect(pieces(new Blob([long]).stream()));
  assert.deepEqual(cut.map((p) => [p.n, p.bytes.length]), [[0, PIECE], [1, PIECE], [2, 1]]);
  assert.deepEqual(concat(...cut.map((p) => p.bytes)), long);
  for (const p of cut) assert.equal(await hashOf(p.bytes), p.hash);
});

test("what is sealed opens again, and has the size that was told", async () => {
  const plain = vectorBytes("parcel-tiny.tar");
  const { stream, size } = await seal([plain.subarray(0, 5000), plain.subarray(5000)].values() as never, plain.length, [tiny.recipient]);
  const sealed = new Uint8Array(await new Response(stream).arrayBuffer());
  assert.equal(sealed.length, size);
  const d = new Decrypter();
  d.addIdentity(tiny.identity);
  assert.equal(base64(await d.decrypt(sealed)), base64(plain));
});

test("a mix of recipients is refused, and so is none and what is no recipient", async () => {
  const old = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
  assert.equal(kindOf([old]), "x25519");
  assert.equal(kindOf([tiny.recipient, tiny.recipient]), "hybrid");
  const cases: [string, string[]][] = [
    ["seal.mixed_recipients", [tiny.recipient, old]],
    ["seal.mixed_recipients", [old, tiny.recipient]],
    ["seal.no_recipients", []],
    ["seal.recipient", [old.slice(0, -1) + "k"]],
    ["seal.recipient", [tiny.recipient.slice(0, -1)]],
    ["seal.recipient", ["age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2jkxrqm"]],
    ["seal.recipient", [tiny.identity]],
  ];
  for (const [key, recipients] of cases) {
    assert.throws(() => kindOf(recipients), faultKey(key));
    await assert.rejects(seal([].values() as never, 0, recipients), faultKey(key));
  }
});
