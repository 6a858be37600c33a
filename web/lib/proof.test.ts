import assert from "node:assert/strict";
import test from "node:test";
import { Fault } from "./fault.js";
import { checkMedium, checkProof, type Proof } from "./proof.js";
import { vectors } from "./vectors.js";

const v = vectors<{ proofs: { name: string; proof: Proof; pinned?: string; fault?: string }[] }>("reader");

for (const p of v.proofs) {
  test(`${p.fault ? "refuses" : "takes"} ${p.name}`, () => {
    if (!p.fault) {
      const c = checkProof(p.proof, p.pinned);
      assert.equal(c.records.length, p.proof.records.length);
      assert.ok(c.records.every((r) => r.signers.length >= r.needed && r.record.title["kk"]));
      assert.equal(c.edition.number, 2);
      return;
    }
    assert.throws(
      () => checkProof(p.proof, p.pinned),
      (err) => {
        assert.ok(err instanceof Fault, String(err));
        assert.equal(err.key, p.fault);
        return true;
      },
    );
  });
}

test("what is no proof is refused, whatever it is", () => {
  for (const bad of [null, 1, "x", [], {}, { kind: "kua reader" }, { ...v.proofs[0]!.proof, records: [null] }, { ...v.proofs[0]!.proof, charter: [{}] }, { ...v.proofs[0]!.proof, edition: { ...v.proofs[0]!.proof.edition, index: -1 } }]) {
    assert.throws(() => checkProof(bad as unknown as Proof), Fault);
  }
});

test("a medium is what its line says", () => {
  const f = { rung: "144p", type: "video/mp4", sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", size: 3 };
  checkMedium(f, "YWJj");
  for (const bad of ["YWJk", "YWJjYQ==", "", "YWJ", "*"]) assert.throws(() => checkMedium(f, bad), Fault);
});
