/** Reads a file in slices: never whole, and never more of it than its budget. */
import type { Source } from "../bag.js";
import type { Sheet } from "./sheet.js";

const WINDOW = 64 << 10;

/** The look has read as much as it may. */
export class TooMuch extends Error {}

/** What several readers of one file have read together, and may. */
export interface Budget {
  bytes: number;
}

/** A stretch of a file. */
export class Reader {
  private window: Uint8Array = new Uint8Array(0);
  private windowAt = 0;

  constructor(
    private readonly source: Source,
    private readonly budget: Budget,
    private readonly from = 0,
    readonly size = source.size,
  ) {}

  /** The bytes at a place; fewer where the stretch ends before. */
  async bytes(at: number, n: number): Promise<Uint8Array> {
    const end = Math.min(at + n, this.size);
    if (end <= at || at < 0) return new Uint8Array(0);
    if (at < this.windowAt || end > this.windowAt + this.window.length) {
      if (end - at >= WINDOW) return this.fetch(at, end);
      this.window = await this.fetch(at, Math.min(at + WINDOW, this.size));
      this.windowAt = at;
    }
    return this.window.subarray(at - this.windowAt, end - this.windowAt);
  }

  /** A stretch of this stretch, read from the same budget. */
  part(at: number, n: number): Reader {
    const from = Math.min(Math.max(at, 0), this.size);
    return new Reader(this.source, this.budget, this.from + from, Math.min(Math.max(n, 0), this.size - from));
  }

  private async fetch(at: number, end: number): Promise<Uint8Array> {
    this.budget.bytes -= end - at;
    if (this.budget.bytes < 0) throw new TooMuch();
    return new Uint8Array(await this.source.slice(this.from + at, this.from + end).arrayBuffer());
  }
}

/** A reader of bytes that are in memory already. */
export function readerOf(bytes: Uint8Array): Reader {
  const slice = (from: number, to: number) => ({ arrayBuffer: () => Promise.resolve(bytes.slice(from, to).buffer as ArrayBuffer) });
  return new Reader({ size: bytes.length, slice }, { bytes: 2 * bytes.length + WINDOW });
}

const ZEROS = 64 << 20; // looked at in one stretch

/** The first place in a stretch that is not zero, or -1. What it did not look at any more is a gap. */
export async function firstNonZero(r: Reader, at: number, n: number, sheet: Sheet): Promise<number> {
  const end = Math.min(at + Math.min(n, ZEROS), r.size);
  for (let from = at; from < end; from += WINDOW) {
    const b = await r.bytes(from, Math.min(WINDOW, end - from));
    const i = b.findIndex((c) => c !== 0);
    if (i >= 0) return from + i;
  }
  if (n > ZEROS) sheet.gaps.add("too_large");
  return -1;
}
