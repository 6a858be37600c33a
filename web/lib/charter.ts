/** The charter and its chain of versions, checked as spec/charter.md says. The same rules are in Go's package charter. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { fromBase64, hex, utf8, type Bytes } from "./bytes.js";
import { parseCanonical, type JSONValue } from "./canon.js";
import { checkCharter, readShape } from "./charter-check.js";
import { Fault } from "./fault.js";
import { hashText } from "./hash.js";

export interface Person {
  name: string;
  recipient: string;
  publishkey: string;
  since: string;
  retired?: string;
}

export interface Node {
  url: string;
  key: string;
}

/** The transparency log, its key, and the keys before it with how far each counts. */
export interface Log {
  origin: string;
  key: string;
  past?: { key: string; size: number; root: string }[];
}

export interface Charter {
  kind: "kua charter";
  version: number;
  previous?: string;
  name: Record<string, string>;
  about?: Record<string, string>;
  languages: string[];
  people: Person[];
  threshold: number;
  log?: Log;
  desks?: string[];
  nodes?: Node[];
  mirrors?: string[];
  /** A channel elsewhere, as the collective writes it. */
  handle?: string;
  /** Node keys that may be in hostile hands, and since when nothing they sign is believed. */
  struck?: { key: string; day: string }[];
  made: string;
}

/** One version as it travels: the exact canonical text, and signatures (base64) by key id. */
export interface Signed {
  document: string;
  signatures: Record<string, string>;
}

/** The people who have not retired. */
export function current(c: Charter): Person[] {
  return c.people.filter((p) => !p.retired);
}

/** To whom every parcel is sealed. */
export function recipients(c: Charter): string[] {
  return current(c).map((p) => p.recipient);
}

/** The SHA-256 of the document: what people compare and pin. */
export function charterID(document: string): string {
  return hashText(document);
}

/** Names a public key: the first 16 hex characters of the SHA-256 of its raw bytes. */
export function keyID(publicKey: string): string {
  const raw = rawKey(publicKey);
  return raw ? hex(sha256(raw)).slice(0, 16) : "";
}

/** Whether signature (base64) is a valid Ed25519 signature over the exact document. */
export function signedBy(publicKey: string, document: string, signature: string | undefined): boolean {
  const key = rawKey(publicKey);
  const raw = signature === undefined ? null : fromBase64(signature);
  if (!key || raw?.length !== 64) return false;
  try {
    return ed25519.verify(raw, utf8(document), key, { zip215: false });
  } catch {
    return false;
  }
}

/**
 * Walks the chain and gives the newest charter: version 1 signed by the
 * threshold of its own people, every later one by the threshold of the version
 * before, each naming the one before, nobody vanished. pinned is the id of any
 * version that is trusted already, "" to trust the first version at first use.
 */
export function verifyChain(chain: readonly Signed[], pinned: string): Charter {
  let before: Charter | undefined;
  let id = "";
  let found = pinned === "";
  chain.forEach((s, i) => {
    const c = parseCharter(s.document);
    if (c.version !== i + 1 || (c.previous ?? "") !== id) throw new Fault("charter.broken_chain", [i + 1]);
    if (before) keepsPeople(before, c);
    if (before) keepsStruck(before, c);
    keepsLog(before, c);
    if (signatures(before ?? c, s) < (before ?? c).threshold) throw new Fault("charter.version_not_signed", [c.version]);
    before = c;
    id = charterID(s.document);
    found ||= id === pinned;
  });
  if (!before) throw new Fault("charter.empty_chain");
  if (!found) throw new Fault("charter.not_pinned", [pinned]);
  return before;
}

/** How many distinct current people of c have signed. */
function signatures(c: Charter, s: Signed): number {
  return current(c).filter((p) => signedBy(p.publishkey, s.document, s.signatures[keyID(p.publishkey)])).length;
}

function keepsPeople(before: Charter, next: Charter): void {
  const now = new Map(next.people.map((p) => [p.publishkey, p]));
  for (const old of before.people) {
    const p = now.get(old.publishkey);
    const same = p && p.name === old.name && p.recipient === old.recipient && p.since === old.since;
    if (!same || (old.retired && p.retired !== old.retired)) throw new Fault("charter.person_changed", [old.name, next.version]);
  }
}

function keepsStruck(before: Charter, next: Charter): void {
  const kept = (next.struck ?? []).map((s) => s.key + s.day);
  if (!(before.struck ?? []).every((s) => kept.includes(s.key + s.day))) throw new Fault("charter.struck_changed", [next.version]);
}

/** The log keeps its origin; its key changes only with a word on how far the one before counts. */
function keepsLog(before: Charter | undefined, next: Charter): void {
  const past = next.log?.past ?? [];
  if (!before?.log) {
    if (past.length > 0) throw new Fault("charter.log_past", [next.log!.origin]);
    return;
  }
  const was = before.log.past ?? [];
  const beginning = JSON.stringify(past.slice(0, was.length)) === JSON.stringify(was);
  const same = next.log?.key === before.log.key && past.length === was.length;
  const changed = past.length === was.length + 1 && past[was.length]!.key === before.log.key;
  if (next.log?.origin !== before.log.origin || !beginning || !(same || changed)) throw new Fault("charter.log_changed", [next.version]);
}

const MAX_DOCUMENT = 1 << 20;

/** Reads a canonical document and checks what one version can be checked for by itself. */
export function parseCharter(document: string): Charter {
  if (utf8(document).length > MAX_DOCUMENT) throw new Fault("charter.too_large", [MAX_DOCUMENT]);
  let doc: JSONValue;
  try {
    doc = parseCanonical(document);
  } catch (err) {
    throw new Fault("charter.not_a_charter", [], err);
  }
  const c = readShape(doc);
  checkCharter(c);
  return c;
}

/** The raw bytes of a public key in base64, or null. */
export function rawKey(publicKey: string): Bytes | null {
  const raw = fromBase64(publicKey);
  return raw?.length === 32 ? raw : null;
}
