/** What one version of a charter must be by itself: spec/charter.md, section 1. */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, fromBase64, hex, utf8 } from "./bytes.js";
import type { JSONValue } from "./canon.js";
import { current, rawKey, type Charter, type Person } from "./charter.js";
import { Fault } from "./fault.js";
import { recipientKind, type Kind } from "./recipient.js";

const LIMITS = { people: 200, places: 200, words: 4000, address: 500, handle: 64, log: 2 ** 40 };

type Shape = (v: JSONValue | undefined) => boolean;
type Members = Record<string, Shape>;

const text: Shape = (v) => typeof v === "string";
const words: Shape = (v) => v === null || (isObject(v) && Object.values(v).every(text));
const list = (one: Shape): Shape => (v) => Array.isArray(v) && v.every(one);
const listOrNull = (one: Shape): Shape => (v) => v === null || list(one)(v);
const filled = (shape: Shape): Shape => (v) => shape(v) && (typeof v === "string" ? v !== "" : Array.isArray(v) ? v.length > 0 : isObject(v) && Object.keys(v).length > 0);
const object = (always: Members, ifAny: Members): Shape => (v) =>
  isObject(v) &&
  Object.entries(always).every(([name, shape]) => name in v && shape(v[name])) &&
  Object.entries(v).every(([name, value]) => name in always || (ifAny[name]?.(value) ?? false));

const person = object({ name: text, recipient: text, publishkey: text, since: text }, { retired: filled(text) });
const charter = object(
  { kind: text, version: Number.isInteger, name: words, languages: listOrNull(text), people: listOrNull(person), threshold: Number.isInteger, made: text },
  {
    previous: filled(text), about: filled(words), log: object({ origin: text, key: text }, { past: filled(list(object({ key: text, size: (v) => Number.isSafeInteger(v) && (v as number) >= 0, root: text }, {}))) }), desks: filled(list(text)),
    nodes: filled(list(object({ url: text, key: text }, {}))), mirrors: filled(list(text)), handle: filled(text),
    struck: filled(list(object({ key: text, day: text }, {}))),
  },
);

/** Takes only the members that a charter has, each of its kind; empty ones are left out. */
export function readShape(v: JSONValue): Charter {
  if (!charter(v)) throw new Fault("charter.not_a_charter");
  const c = v as unknown as { [K in keyof Charter]: Charter[K] | null };
  return { ...c, name: c.name ?? {}, languages: c.languages ?? [], people: c.people ?? [] } as Charter;
}

export function checkCharter(c: Charter): void {
  checkHead(c);
  checkWords(c);
  checkPeople(c);
  checkLog(c);
  checkPlaces(c);
  checkStruck(c);
}

function checkHead(c: Charter): void {
  if ((c.kind as string) !== "kua charter") throw new Fault("charter.not_a_charter");
  if (c.version < 1) throw new Fault("charter.version", [c.version]);
  if (c.version === 1 ? c.previous !== undefined : !/^[0-9a-f]{64}$/.test(c.previous ?? "")) throw new Fault("charter.previous", [c.version]);
  if (!isDay(c.made)) throw new Fault("charter.day", [c.made]);
}

function checkWords(c: Charter): void {
  if (c.languages.length === 0) throw new Fault("charter.no_language");
  c.languages.forEach((l, i) => {
    if (!/^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$/.test(l) || c.languages.indexOf(l) !== i) throw new Fault("charter.language", [l]);
  });
  if (Object.keys(c.name).length === 0) throw new Fault("charter.no_name");
  for (const [l, w] of [...Object.entries(c.name), ...Object.entries(c.about ?? {})]) {
    if (!c.languages.includes(l)) throw new Fault("charter.language", [l]);
    if (!isWords(w)) throw new Fault("charter.words", [l]);
  }
}

function checkPeople(c: Charter): void {
  const now = current(c);
  if (now.length === 0) throw new Fault("charter.no_people");
  if (c.people.length > LIMITS.people) throw new Fault("charter.too_many_people", [LIMITS.people]);
  if (c.threshold < 1 || c.threshold > now.length) throw new Fault("charter.threshold", [c.threshold, now.length]);
  const kind = recipientKind(now[0]!.recipient);
  const keys = new Set<string>();
  const names = new Set<string>();
  for (const p of c.people) {
    const own = checkPerson(p);
    if (keys.has(p.publishkey) || keys.has(p.recipient)) throw new Fault("charter.key_twice", [p.name]);
    keys.add(p.publishkey).add(p.recipient);
    if (p.retired) continue;
    if (names.has(p.name)) throw new Fault("charter.name_twice", [p.name]);
    names.add(p.name);
    if (own !== kind) throw new Fault("seal.mixed_recipients");
  }
}

function checkPerson(p: Person): Kind {
  if (!isWords(p.name) || /\p{Cc}/u.test(p.name)) throw new Fault("charter.person_name", [p.name]);
  const kind = recipientKind(p.recipient);
  if (!kind) throw new Fault("charter.recipient", [p.name]);
  if (!rawKey(p.publishkey)) throw new Fault("charter.publish_key", [p.name]);
  if (!isDay(p.since)) throw new Fault("charter.day", [p.since]);
  if (p.retired && (!isDay(p.retired) || p.retired < p.since)) throw new Fault("charter.day", [p.retired]);
  return kind;
}

function checkLog({ log }: Charter): void {
  if (!log) return;
  if (!isLogKey(log.key, log.origin)) throw new Fault("charter.log", [log.origin]);
  const past = log.past ?? [];
  if (past.length > LIMITS.places) throw new Fault("charter.too_many_places", [LIMITS.places]);
  const seen = new Set([log.key]);
  let before = 0;
  for (const p of past) {
    const none = p.root === hex(sha256(new Uint8Array()));
    if (!isLogKey(p.key, log.origin) || seen.has(p.key) || p.size < before || p.size > LIMITS.log || !/^[0-9a-f]{64}$/.test(p.root) || none !== (p.size === 0)) {
      throw new Fault("charter.log_past", [log.origin]);
    }
    seen.add(p.key);
    before = p.size;
  }
}

/** Whether it is a note verifier of C2SP signed-note, name+hash+base64(1, public key), named as the origin. */
function isLogKey(vkey: string, origin: string): boolean {
  const [name, hash, key, ...more] = splitKey(vkey);
  const raw = fromBase64(key ?? "");
  if (more.length > 0 || name !== origin || raw?.length !== 33 || raw[0] !== 1) return false;
  return hex(sha256(concat(utf8(name + "\n"), raw))).slice(0, 8) === hash;
}

/** Splits at the first two plus signs: base64 has its own. */
function splitKey(key: string): string[] {
  const m = /^([^+]+)\+([^+]+)\+(.+)$/s.exec(key);
  return m ? m.slice(1) : [];
}

function checkPlaces(c: Charter): void {
  const nodes = c.nodes ?? [];
  const mirrors = c.mirrors ?? [];
  const desks = c.desks ?? [];
  if ([nodes, mirrors, desks].some((places) => places.length > LIMITS.places)) throw new Fault("charter.too_many_places", [LIMITS.places]);
  for (const addresses of [nodes.map((n) => n.url), mirrors]) {
    addresses.forEach((a, i) => {
      if (!isAddress(a) || addresses.indexOf(a) !== i) throw new Fault("charter.address", [a]);
    });
  }
  for (const n of nodes) if (!rawKey(n.key)) throw new Fault("charter.node_key", [n.url]);
  desks.forEach((d, i) => {
    if (!rawKey(d) || desks.indexOf(d) !== i) throw new Fault("charter.desk_key", [d]);
  });
  if (c.handle !== undefined && !isHandle(c.handle)) throw new Fault("charter.handle", [LIMITS.handle]);
}

function checkStruck(c: Charter): void {
  const struck = c.struck ?? [];
  if (struck.length > LIMITS.places) throw new Fault("charter.too_many_places", [LIMITS.places]);
  const keys = new Set<string>();
  for (const s of struck) {
    if (!rawKey(s.key) || keys.has(s.key)) throw new Fault("charter.struck_key", [s.key]);
    keys.add(s.key);
    if (!isDay(s.day)) throw new Fault("charter.day", [s.day]);
  }
  for (const n of c.nodes ?? []) if (keys.has(n.key)) throw new Fault("charter.struck_node", [n.url]);
}

/** https anywhere; plain http only to an onion service or to this machine. No user, query or fragment. */
function isAddress(address: string): boolean {
  let u: URL;
  try {
    u = new URL(address);
  } catch {
    return false;
  }
  if (u.username || u.password || /[?#@]/.test(address) || address.length > LIMITS.address || u.hostname === "") return false;
  const here = u.hostname === "localhost" || u.hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(u.hostname);
  return u.protocol === "https:" || (u.protocol === "http:" && (here || u.hostname.endsWith(".onion")));
}

/** One short line that nothing can hide in or turn round. */
function isHandle(s: string): boolean {
  return isWords(s) && s.trim() === s && [...s].length <= LIMITS.handle && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(s);
}

function isDay(s: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(s)) return false;
  const d = new Date(s + "T00:00:00Z");
  return !Number.isNaN(d.getTime()) && d.toISOString().startsWith(s);
}

function isWords(s: string): boolean {
  return s.trim() !== "" && utf8(s).length <= LIMITS.words && !s.includes("\0");
}

function isObject(v: JSONValue | undefined): v is { [name: string]: JSONValue } {
  return v !== null && typeof v === "object" && !Array.isArray(v);
}
