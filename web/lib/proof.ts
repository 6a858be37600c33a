/** Checks what a single file holds, as spec/reader.md says. The same rules are in Go's package reader. */
import { sha256 } from "@noble/hashes/sha2.js";
import { fromBase64, hex, utf8 } from "./bytes.js";
import { canonical, parseCanonical, type JSONValue } from "./canon.js";
import { charterID, current, keyID, parseCharter, signedBy, verifyChain, type Charter, type Signed } from "./charter.js";
import { checkIncluded, parseByLog, type Checkpoint } from "./checkpoint.js";
import { Fault } from "./fault.js";
import { hashText } from "./hash.js";

export interface Logged {
  entry?: string;
  index: number;
  hashes: string[];
}

export interface Proof {
  kind: string;
  charter: Signed[];
  checkpoint: string;
  edition: Logged;
  records: ({ document: string; signatures: Record<string, string> } & Logged)[];
}

export type Text = Record<string, string>;

export interface File {
  rung: string;
  type: string;
  sha256: string;
  size: number;
  language?: string;
}

export interface Media {
  id: string;
  type: string;
  label?: Text;
  covered?: Text;
  poster?: File;
  files: File[];
}

export interface RecordDoc {
  kind: string;
  id: string;
  version: number;
  status: string;
  day: string;
  languages: string[];
  what: string;
  title: Text;
  summary: Text;
  happened?: { from?: string; to?: string };
  place?: { words?: Text };
  known?: Text[];
  claims?: { source: Text; words: Text; day?: string }[];
  answers?: { authority: Text; words: Text; day?: string }[];
  media?: Media[];
  correction?: Text;
}

export interface Checked {
  charter: Charter;
  id: string;
  versions: number;
  checkpoint: Checkpoint;
  edition: { number: number; day: string };
  records: { record: RecordDoc; signers: string[]; needed: number; index: number }[];
}

const MAX_RECORDS = 50;

/** Checks everything but the media; throws the first fault. pinned is the id of a charter version that is trusted already, or "". */
export function checkProof(proof: Proof, pinned = ""): Checked {
  if (!isProof(proof)) throw new Fault("reader.not_one");
  const newest = verifyChain(proof.charter, pinned);
  const versions = proof.charter.map((s) => parseCharter(s.document));
  if (!newest.log) throw new Fault("verify.no_log");
  const checkpoint = parseByLog(proof.checkpoint, newest.log);
  const edition = editionOf(proof.edition.entry ?? "");
  if (proof.edition.index !== checkpoint.size - 1) throw new Fault("reader.no_edition_entry");
  checkIncluded(checkpoint, proof.edition.index, proof.edition.entry ?? "", proof.edition.hashes);
  if (proof.records.length === 0 || proof.records.length > MAX_RECORDS) throw new Fault("reader.how_many", [MAX_RECORDS]);
  const records = proof.records.map((s) => {
    const record = parseRecord(s.document);
    const by = versions.map((c) => current(c).filter((p) => signedBy(p.publishkey, s.document, s.signatures[keyID(p.publishkey)])));
    const at = by.findIndex((people, i) => people.length >= versions[i]!.threshold);
    if (at < 0) throw new Fault("verify.not_signed", [record.id, Object.keys(s.signatures).length]);
    const entry = canonical({ day: record.day, id: record.id, kind: "record", sha256: hashText(s.document), version: record.version });
    checkIncluded(checkpoint, s.index, entry, s.hashes);
    return { record, signers: by[at]!.map((p) => p.name), needed: versions[at]!.threshold, index: s.index };
  });
  const last = proof.charter[proof.charter.length - 1]!;
  return { charter: newest, id: charterID(last.document), versions: versions.length, checkpoint, edition, records };
}

/** Checks a medium given in base64 against its line in the record. */
export function checkMedium(f: File, data: string): void {
  const bytes = fromBase64(data);
  if (!bytes || bytes.length !== f.size || hex(sha256(bytes)) !== f.sha256) throw new Fault("verify.differs", [f.sha256]);
}

/** Every file that a record names, by SHA-256. */
export function filesOf(r: RecordDoc): Map<string, File> {
  const all = new Map<string, File>();
  for (const m of r.media ?? []) for (const f of [...(m.poster ? [m.poster] : []), ...m.files]) all.set(f.sha256, f);
  return all;
}

/** Whether it has the members that are looked at: what they hold is checked afterwards. */
function isProof(p: Proof): boolean {
  const logged = (l: Logged) => isObject(l) && typeof l.index === "number" && Array.isArray(l.hashes) && l.hashes.every((h) => typeof h === "string");
  const signed = (s: Signed) => isObject(s) && typeof s.document === "string" && isObject(s.signatures) && Object.keys(s.signatures).every((k) => typeof s.signatures[k] === "string");
  return (
    isObject(p) && p.kind === "kua reader" && typeof p.checkpoint === "string" && logged(p.edition) && typeof p.edition.entry === "string" &&
    Array.isArray(p.charter) && p.charter.every(signed) && Array.isArray(p.records) && p.records.every((r) => signed(r) && logged(r))
  );
}

function isObject(v: unknown): boolean {
  return v !== null && typeof v === "object" && !Array.isArray(v);
}

function editionOf(entry: string): { number: number; day: string } {
  const e = parseCanonical(entry) as { [name: string]: JSONValue };
  const fits = isObject(e) && Object.keys(e).join() === "day,kind,number,sha256" && e["kind"] === "edition" && isDay(e["day"]) && Number.isSafeInteger(e["number"]) && (e["number"] as number) > 0;
  if (!fits) throw new Fault("reader.no_edition_entry");
  return { number: e["number"] as number, day: e["day"] as string };
}

/** Reads a record that is signed. Its people's programs checked its rules; here only what is shown must be of the right kind. */
function parseRecord(document: string): RecordDoc {
  if (utf8(document).length > 1 << 20) throw new Fault("record.too_large", [1 << 20]);
  const r = parseCanonical(document) as unknown as RecordDoc;
  const text = (t: Text | undefined) => t === undefined || (isObject(t) && Object.keys(t).every((l) => typeof t[l] === "string"));
  const file = (f: File) => isObject(f) && typeof f.sha256 === "string" && typeof f.type === "string" && /^[a-z]+\/[a-z0-9]+$/.test(f.type) && typeof f.size === "number";
  const list = <T>(l: T[] | undefined, one: (v: T) => boolean) => l === undefined || (Array.isArray(l) && l.every(one));
  const fits =
    isObject(r) && r.kind === "kua record" && /^[0-9]{6}$/.test(r.id) && Number.isSafeInteger(r.version) && isDay(r.day) && typeof r.what === "string" &&
    [r.title, r.summary, r.correction, r.place?.words].every(text) && list(r.known, text) &&
    list(r.claims, (c) => isObject(c) && text(c.source) && text(c.words)) && list(r.answers, (a) => isObject(a) && text(a.authority) && text(a.words)) &&
    list(r.media, (m) => isObject(m) && text(m.label) && text(m.covered) && (m.poster === undefined || file(m.poster)) && Array.isArray(m.files) && m.files.every(file));
  if (!fits) throw new Fault("record.not_a_record");
  if (r.status !== "published") throw new Fault("reader.withdrawn", [r.id]);
  return r;
}

function isDay(v: JSONValue | undefined): boolean {
  return typeof v === "string" && /^\d{4}-\d{2}-\d{2}$/.test(v);
}
