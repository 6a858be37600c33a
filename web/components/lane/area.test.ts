import assert from "node:assert/strict";
import { test } from "node:test";
import { area } from "./area.js";

const segment = (kind: number, body: readonly number[]) => [0xff, kind, (body.length + 2) >> 8, (body.length + 2) & 255, ...body];
const frame = (width: number, height: number) => [8, height >> 8, height & 255, width >> 8, width & 255, 3];
const of = (...parts: number[][]) => area(new Blob([Uint8Array.from(parts.flat())]));

test("a photo's pixels are known by its first bytes, and by nothing within them", async () => {
  const start = [0xff, 0xd8];
  const exif = segment(0xe1, [...start, ...segment(0xc0, frame(160, 120)), ...Array<number>(60_000).fill(0xff)]); // with a small picture in it
  const rest = [0xff, 0xda, 0, 2, 1, 2, 3];
  assert.equal(await of(start, exif, segment(0xc4, [0, 0, 0, 0, 0, 0]), segment(0xc0, frame(8000, 6000)), rest), 48_000_000);
  assert.equal(await of(start, exif, [0xff, 0xff], segment(0xc2, frame(4000, 3000)), rest), 12_000_000);
  const png = (width: number[], height: number[]) => of([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52], width, height, [8, 2, 0, 0, 0]);
  assert.equal(await png([0, 0, 0x27, 0x10], [0, 0, 0x1f, 0x40]), 80_000_000);
});

test("what does not say how large it is counts as too large", async () => {
  for (const bytes of [[], [0xff], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0], [0xff, 0xd8, ...segment(0xc0, frame(4000, 0))], [0xff, 0xd8, 0, 0, ...segment(0xc0, frame(4, 3))], Array<number>(40).fill(7)])
    assert.equal(await of(bytes), Infinity, String(bytes));
});
