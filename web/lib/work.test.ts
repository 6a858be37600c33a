import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "@noble/hashes/sha2.js";
import { firstBits, part, PARTS } from "./work.js";

test("the first bits are SHA-256's, for every length of one block", () => {
  for (let length = 0; length <= 55; length++) {
    const text = new Uint8Array(64);
    for (let i = 0; i < length; i++) text[i] = 33 + ((i * 7 + length) % 90);
    const want = sha256(text.slice(0, length));
    assert.equal(firstBits(text, length), new DataView(want.buffer, want.byteOffset).getUint32(0), `length ${length}`);
  }
  assert.throws(() => firstBits(new Uint8Array(64), 56), RangeError);
});

test("a part gives the first number that will do", () => {
  const zeros = (n: number, number: number) => {
    const sum = sha256(new TextEncoder().encode(`1.8.29361234.made-up-seal.${number}.${n}`));
    return Math.clz32(new DataView(sum.buffer, sum.byteOffset).getUint32(0));
  };
  for (let number = 0; number < PARTS; number++) {
    const n = part("1.8.29361234.made-up-seal", number, 8);
    assert.ok(zeros(n, number) >= 8);
    for (let less = 0; less < n; less++) assert.ok(zeros(less, number) < 8);
  }
});
