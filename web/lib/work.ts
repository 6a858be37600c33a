/**
 * The work that a form of the open lane is asked for under load (docs/design/open-lane.md, §12): for each of PARTS parts the
 * smallest number n for which SHA-256("challenge.part.n") begins with so many zero bits. Nothing of the browser goes into it.
 */

/** Parts of which the work is made: many small ones differ less in their time than one large, and show how far it is. */
export const PARTS = 16;

/** FIPS 180-4, 4.2.2: the first 32 bits of the cube roots' fractions of the first 64 primes. */
const ROUND = roots(64, 1 / 3);
const START = roots(8, 1 / 2);

function roots(count: number, power: number): Int32Array {
  const out = new Int32Array(count);
  for (let n = 2, found = 0; found < count; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) out[found++] = (Math.pow(n, power) % 1) * 0x1_0000_0000;
  }
  return out;
}

const words = new Int32Array(64);

/**
 * The first 32 bits of the SHA-256 of a text of ASCII letters in one block: at most 55 of them. A library's digest costs
 * several times as much for texts so short, and an old phone has to make hundreds of thousands.
 */
export function firstBits(block: Uint8Array, length: number): number {
  if (length > 55) throw new RangeError("more than one block");
  words.fill(0, 0, 16);
  for (let i = 0; i < length; i++) words[i >> 2]! |= block[i]! << (24 - 8 * (i & 3));
  words[length >> 2]! |= 0x80 << (24 - 8 * (length & 3));
  words[15] = length * 8;
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15]!, y = words[i - 2]!;
    const s = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const u = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = (words[i - 16]! + s + words[i - 7]! + u) | 0;
  }
  let a = START[0]!, b = START[1]!, c = START[2]!, d = START[3]!, e = START[4]!, f = START[5]!, g = START[6]!, h = START[7]!;
  for (let i = 0; i < 64; i++) {
    const u = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t = (h + u + ((e & f) ^ (~e & g)) + ROUND[i]! + words[i]!) | 0;
    const s = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const m = (s + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    (h = g), (g = f), (f = e), (e = (d + t) | 0), (d = c), (c = b), (b = a), (a = (t + m) | 0);
  }
  return (START[0]! + a) >>> 0;
}

/** Does one part of the work and gives its number. */
export function part(challenge: string, number: number, bits: number): number {
  const begin = `${challenge}.${number}.`;
  const block = new Uint8Array(64);
  for (let i = 0; i < begin.length; i++) block[i] = begin.charCodeAt(i);
  const limit = Math.pow(2, 32 - bits);
  for (let n = 0; ; n++) {
    let length = begin.length;
    const digits = String(n);
    for (let i = 0; i < digits.length; i++) block[length++] = digits.charCodeAt(i);
    if (firstBits(block, length) < limit) return n;
  }
}
