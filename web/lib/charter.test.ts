import assert from "node:assert/strict";
import test from "node:test";
import { charterID, current, keyID, parseCharter, recipients, verifyChain, type Signed } from "./charter.js";
import { Fault } from "./fault.js";
import { vectors } from "./vectors.js";

const v = vectors<{
  keys: { publishkey: string; id: string }[];
  chains: { name: string; chain: Signed[]; newest: string; pinned?: string }[];
  refuse_chains: { name: string; chain: Signed[]; pinned?: string; fault: string }[];
  documents: { name: string; text: string }[];
  refuse_documents: { name: string; text: string; fault: string }[];
}>("charter");

const faultKey = (key: string) => (err: unknown) => {
  assert.ok(err instanceof Fault, String(err));
  assert.equal(err.key, key);
  return true;
};

test("key ids are those of the vectors", () => {
  for (const k of v.keys) assert.equal(keyID(k.publishkey), k.id);
});

test("chains that hold give the newest charter", () => {
  for (const c of v.chains) {
    const newest = verifyChain(c.chain, c.pinned ?? "");
    assert.equal(newest.version, c.chain.length, c.name);
    assert.equal(charterID(c.chain[c.chain.length - 1]!.document), c.newest, c.name);
    assert.equal(recipients(newest).length, current(newest).length);
    assert.ok(current(newest).every((p) => !p.retired));
  }
});

for (const c of v.refuse_chains) {
  test(`a chain is refused: ${c.name}`, () => assert.throws(() => verifyChain(c.chain, c.pinned ?? ""), faultKey(c.fault)));
}

for (const d of v.documents) {
  test(`a charter is read: ${d.name}`, () => assert.equal(parseCharter(d.text).kind, "kua charter"));
}

for (const d of v.refuse_documents) {
  test(`a charter is refused: ${d.name}`, () => assert.throws(() => parseCharter(d.text), faultKey(d.fault)));
}
