/** The pieces in which a sealed parcel travels and the index that names them (spec/parcel.md). */
import { type Bytes } from "./bytes.js";
import { Fault } from "./fault.js";
import { hashOf, hashText } from "./hash.js";

export const PIECE = 256 << 10;

export interface Index {
  size: number;
  pieces: string[];
}

export interface Piece {
  n: number;
  hash: string;
  bytes: Bytes;
}

export function indexText(x: Index): string {
  return `kua-parcel-index/1\nsize ${x.size}\npiece ${PIECE}\n` + x.pieces.map((h) => h + "\n").join("");
}

/** The parcel's id. */
export function parcelID(x: Index): string {
  return hashText(indexText(x));
}

export function pieceSize(x: { size: number }, n: number): number {
  return Math.min(PIECE, x.size - n * PIECE);
}

/** Reads an index text; only the one spelling that indexText gives is one. */
export function readIndex(text: string): Index {
  const m = /^kua-parcel-index\/1\nsize ([1-9][0-9]{0,10})\npiece 262144\n((?:[0-9a-f]{64}\n)+)$/.exec(text);
  if (!m) throw new Fault("parcel.not_an_index");
  const x: Index = { size: Number(m[1]), pieces: m[2]!.trimEnd().split("\n") };
  if (x.size > 32 * 2 ** 30) throw new Fault("parcel.too_large", [32 * 2 ** 30]);
  if (x.pieces.length !== Math.ceil(x.size / PIECE)) throw new Fault("parcel.not_an_index");
  return x;
}

/** Cuts a sealed parcel into pieces. Every piece has bytes of its own. */
export async function* pieces(sealed: ReadableStream<Uint8Array>): AsyncGenerator<Piece> {
  const reader = sealed.getReader();
  let piece = new Uint8Array(PIECE);
  let filled = 0;
  let n = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let rest = value; rest.length > 0; ) {
        const part = rest.subarray(0, PIECE - filled);
        piece.set(part, filled);
        filled += part.length;
        rest = rest.subarray(part.length);
        if (filled === PIECE) {
          yield { n: n++, hash: await hashOf(piece), bytes: piece };
          piece = new Uint8Array(PIECE);
          filled = 0;
        }
      }
    }
    if (filled > 0) {
      const last = piece.slice(0, filled);
      yield { n, hash: await hashOf(last), bytes: last };
    }
  } finally {
    await reader.cancel().catch(() => undefined); // when the consumer stopped early
  }
}
