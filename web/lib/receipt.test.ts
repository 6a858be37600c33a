import assert from "node:assert/strict";
import test from "node:test";
import { hex } from "./bytes.js";
import { derive, prefixOf } from "./derive.js";
import { Fault } from "./fault.js";
import { groupsOf, isGroup, newReceipt, parseReceipt, writeReceipt, type Receipt } from "./receipt.js";
import { vectors } from "./vectors.js";

interface Derived {
  bytes: string;
  latin: string;
  cyrillic: string;
  identity: string;
  recipient: string;
  mailbox: string;
  prefix: string;
  blind: string;
}

const v = vectors<{
  derive: Derived[];
  parse: { text: string; bytes: string }[];
  refuse: { text: string; fault: string; group: number }[];
}>("receipt");

const fromHex = (s: string): Receipt => new Uint8Array(Buffer.from(s, "hex"));

test("receipts are written as the vectors say", () => {
  for (const d of v.derive) {
    assert.equal(writeReceipt(fromHex(d.bytes), "latin"), d.latin);
    assert.equal(writeReceipt(fromHex(d.bytes), "cyrillic"), d.cyrillic);
  }
});

test("receipts give the keys of the vectors", async () => {
  for (const d of v.derive) {
    const got = await derive(fromHex(d.bytes));
    const { identity, recipient, mailbox, blind } = d;
    assert.deepEqual(got, { identity, recipient, mailbox, blind });
    assert.equal(prefixOf(got.mailbox), d.prefix);
  }
});

test("receipts are read as people type them", () => {
  for (const p of v.parse) assert.equal(hex(parseReceipt(p.text)), p.bytes, p.text);
});

test("wrong receipts are refused with the place, where it can be known", () => {
  for (const r of v.refuse) {
    assert.throws(
      () => parseReceipt(r.text),
      (err) => {
        assert.ok(err instanceof Fault);
        assert.equal(err.key, r.fault, r.text);
        if (r.group > 0) assert.equal(err.args[err.args.length - 1], r.group, r.text);
        return true;
      },
    );
  }
});

test("a new receipt reads back, in both alphabets", () => {
  for (let i = 0; i < 200; i++) {
    const r = newReceipt();
    for (const alphabet of ["latin", "cyrillic"] as const) {
      assert.deepEqual(parseReceipt(writeReceipt(r, alphabet)), r);
      groupsOf(r, alphabet).forEach((g, n) => {
        assert.ok(isGroup(` ${g.toUpperCase()}. `, r, n), g);
        assert.ok(!isGroup(g.slice(1), r, n) && !isGroup("", r, n) && !isGroup("ъъъъъ", r, n));
      });
    }
  }
});
