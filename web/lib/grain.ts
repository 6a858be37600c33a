/**
 * How many bytes a road takes in one call: twice as many after a quick one, fewer
 * after one that broke, and then no more than broke for a good while. The node ends
 * the connection of a small call, so that the next begins on a fresh one.
 */
import { PIECE } from "./index.js";

const FIRST = 32 << 10;
const LEAST = 1 << 10;
const QUICK = 2_000;
const LONG = 10_000;
const FIRST_PROBE = 16; // calls that go well before more is tried than once failed

export class Grain {
  size: number;
  private ceiling = 0; // 0: none
  private good = 0;
  private probe = 0;

  /** whole: who takes the pieces takes no parts of them. */
  constructor(private readonly whole = false) {
    this.size = whole ? PIECE : FIRST;
  }

  /** How long a call with so many bytes may take, in ms: what a link of a kilobyte a second needs, and a little. */
  static patience(bytes: number): number {
    return 15_000 + bytes;
  }

  went(bytes: number, took: number): void {
    if (this.whole) return;
    if (bytes >= this.size && this.ceiling > 0 && ++this.good >= this.probe) {
      this.ceiling = this.ceiling * 2 < PIECE ? this.ceiling * 2 : 0;
      this.good = 0;
    }
    if (took > LONG) this.size = Math.max(LEAST, this.size / 2);
    else if (took < QUICK && bytes >= this.size) this.size = Math.min(this.size * 2, this.ceiling || PIECE);
  }

  broke(bytes: number): void {
    if (this.whole) return;
    if (this.ceiling > 0 && bytes > this.ceiling) return; // it began before another call of the same moment broke
    this.probe = this.ceiling > 0 ? this.probe * 2 : FIRST_PROBE;
    this.good = 0;
    this.ceiling = Math.max(LEAST, bytes >> 1);
    this.size = Math.max(LEAST, bytes >> 2);
  }
}
