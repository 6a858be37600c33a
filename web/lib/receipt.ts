/**
 * The receipt of spec/receipt.md: 88 random bits and a check byte as six groups
 * of five letters (proquints), Latin or Cyrillic. It is made and read here;
 * derive.ts makes keys of it. The same rules are in Go's package receipt.
 */
import { Fault } from "./fault.js";

export const GROUPS = 6;
const LETTERS = 5;
const RANDOM_BYTES = 11;

export type Receipt = Uint8Array<ArrayBuffer>; // RANDOM_BYTES long
export type Alphabet = "latin" | "cyrillic";

const consonants = { latin: "bdfghjklmnprstvz", cyrillic: "бдфгхжклмнпрствз" };
const vowels = { latin: "aiou", cyrillic: "аиоу" };

export function newReceipt(): Receipt {
  return crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
}

/** The six written groups. */
export function groupsOf(r: Receipt, alphabet: Alphabet): string[] {
  const bytes = [...r, checkByte(r)];
  const c = consonants[alphabet];
  const v = vowels[alphabet];
  const groups: string[] = [];
  for (let g = 0; g < GROUPS; g++) {
    const word = (bytes[2 * g]! << 8) | bytes[2 * g + 1]!;
    groups.push(c[word >> 12]! + v[(word >> 10) & 3]! + c[(word >> 6) & 15]! + v[(word >> 4) & 3]! + c[word & 15]!);
  }
  return groups;
}

export function writeReceipt(r: Receipt, alphabet: Alphabet): string {
  return groupsOf(r, alphabet).join("-");
}

/** CRC-8/I-432-1: polynomial 0x07, start 0, final xor 0x55. */
function checkByte(bytes: Uint8Array): number {
  let crc = 0;
  for (const b of bytes) {
    crc ^= b;
    for (let i = 0; i < 8; i++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc ^ 0x55;
}

// Every letter read by its own alphabet; what neither has but looks like a
// letter of one of them reads as that one.
const own = new Map<string, string>();
for (const kind of [consonants, vowels]) {
  [...kind.latin].forEach((l, i) => own.set(l, l).set([...kind.cyrillic][i]!, l));
}
const alike = { c: "s", x: "h", y: "u", й: "i", і: "i", ј: "j", һ: "h", "0": "o", "1": "l", "3": "z" };
for (const [seen, letter] of Object.entries(alike)) own.set(seen, letter);

// Where both alphabets occur, a letter may stand for the other alphabet's letter
// of the same shape. These readings are tried as well; the check byte decides.
const asCyrillic = new Map([["p", "r"], ["b", "v"], ["h", "n"]]);
const asLatin = new Map([["р", "p"], ["в", "b"], ["н", "h"]]);
const asTyped = new Map<string, string>();

/** Reads a receipt as a person types it: either alphabet, any case, any separators. */
export function parseReceipt(typed: string): Receipt {
  if (new TextEncoder().encode(typed).length > 400) throw new Fault("receipt.length", [typed.length]);
  const letters = clean(typed);
  const found = new Map<string, Receipt>();
  let refusal: unknown;
  for (const letter of readings(letters)) {
    try {
      const r = decode(letter);
      found.set(r.join(), r);
    } catch (err) {
      refusal ??= err;
    }
  }
  const [one, ...more] = found.values();
  if (!one) throw refusal;
  if (more.length > 0) throw new Fault("receipt.mixed_letters");
  return one;
}

/** Whether typed is the receipt's group g (from 0), read as parseReceipt reads. */
export function isGroup(typed: string, r: Receipt, g: number): boolean {
  const want = groupsOf(r, "latin")[g];
  const letters = split(typed).flatMap((group) => [...group]);
  return letters.length === LETTERS && letters.every((l) => own.has(l)) && readings(letters).some((l) => l.join("") === want);
}

function split(typed: string): string[] {
  return typed.toLowerCase().split(/[^\p{L}\p{Nd}]+/u).filter((g) => g !== "");
}

function clean(typed: string): string[] {
  const groups = split(typed);
  const letters: string[] = [];
  groups.forEach((group, i) => {
    for (const c of group) {
      if (!own.has(c)) throw new Fault("receipt.letter", [c, i + 1]);
      letters.push(c);
    }
  });
  if (letters.length === GROUPS * LETTERS) return letters;
  if (groups.length === GROUPS) {
    const bad = groups.findIndex((g) => [...g].length !== LETTERS);
    if (bad >= 0) throw new Fault("receipt.group", [bad + 1]);
  }
  throw new Fault("receipt.length", [letters.length]);
}

function readings(letters: string[]): string[][] {
  const all = letters.join("");
  const ways = [read(letters, asTyped)];
  if (/\p{Script=Latin}/u.test(all) && /\p{Script=Cyrillic}/u.test(all)) {
    ways.push(read(letters, asCyrillic), read(letters, asLatin));
  }
  return ways;
}

// l, I and 1 are a consonant or a vowel by their place.
function read(letters: string[], first: Map<string, string>): string[] {
  return letters.map((c, i) => {
    const vowel = (i % LETTERS) % 2 === 1;
    if (vowel && (c === "l" || c === "1")) return "i";
    if (!vowel && c === "i") return "l";
    return first.get(c) ?? own.get(c)!;
  });
}

function decode(letters: string[]): Receipt {
  const bytes = new Uint8Array(2 * GROUPS);
  for (let g = 0; g < GROUPS; g++) {
    let word = 0;
    for (let i = 0; i < LETTERS; i++) {
      const [set, bits] = i % 2 === 1 ? [vowels.latin, 2] : [consonants.latin, 4];
      const value = set.indexOf(letters[g * LETTERS + i]!);
      if (value < 0) throw new Fault("receipt.group", [g + 1]);
      word = (word << bits) | value;
    }
    bytes[2 * g] = word >> 8;
    bytes[2 * g + 1] = word & 0xff;
  }
  const r = bytes.slice(0, RANDOM_BYTES);
  if (checkByte(r) !== bytes[RANDOM_BYTES]) throw new Fault("receipt.check");
  return r;
}
