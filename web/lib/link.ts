/** A link that breaks: calls are made again until they are answered or refused for good, and whoever waits can see it. */
import { Fault } from "./fault.js";

/** A refusal by the node, with its own fault. */
export class Refusal extends Fault {
  constructor(
    key: string,
    args: readonly (string | number)[],
    readonly status: number,
    /** Seconds after which the node asks to be called again, if it does. */
    readonly retryAfter: number | undefined,
  ) {
    super(key, args);
    this.name = "Refusal";
  }

  /** Whether the same call may be answered another time. */
  get later(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/** The node was not reached, or the link broke while it answered. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** The link was given up on purpose. */
export class Stopped extends Error {
  override name = "Stopped";
}

export type LinkState =
  | { up: true }
  | { up: false; why: "unreachable" | "full" | "busy"; retryAt: number; fault?: Fault };

export interface Waiting {
  now(): number;
  random(): number;
  /** Calls back once after ms; returns what cancels it. */
  after(ms: number, f: () => void): () => void;
  /** The same, for how long a call may take. */
  limit(ms: number, f: () => void): () => void;
}

function timer(ms: number, f: () => void): () => void {
  const timer = setTimeout(f, ms);
  return () => clearTimeout(timer);
}

const realTime: Waiting = { now: () => Date.now(), random: () => Math.random(), after: timer, limit: timer };

const FULL = ["node.full", "node.disk_full", "courier.full"];
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
const LONGEST_ASKED = 3_600_000; // of what a node may ask for by Retry-After
const PATIENCE = 120_000; // for a call whose answer is 64 kB at most: 550 bytes a second. What brings bytes says its own
const WIDEST = 3; // calls at a time
const QUICK = 2_000; // a call that takes no longer makes the link wider
const SLOW = 20_000; // one that takes longer has it to itself again

/**
 * One link to one node. All calls share its pauses: when one finds the node out
 * of reach or full, the others wait with it.
 */
export class Link {
  private failures = 0;
  private round = 0; // calls begun in an earlier round do not count against this one
  private openAt = 0;
  private stopped = false;
  private readonly wakers = new Set<() => void>();
  private readonly running = new Set<AbortController>();
  private width = 1; // calls that may go at a time: on a slow link several would all be cut off by their patience
  private under = 0; // calls that go
  private readonly queueing: (() => void)[] = [];

  constructor(
    private readonly told: (state: LinkState) => void,
    private readonly time: Waiting = realTime,
  ) {}

  now(): number {
    return this.time.now();
  }

  /**
   * Makes a call until it is answered. Throws what is refused for good, and Stopped. patience gives, before each
   * try, how long that one may take.
   */
  async attempt<T>(call: (signal: AbortSignal) => Promise<T>, patience: () => number = () => PATIENCE): Promise<T> {
    for (;;) {
      await this.open();
      await this.enter();
      const round = this.round;
      const began = this.time.now();
      try {
        const answer = await this.once(call, patience());
        this.widen(this.time.now() - began);
        this.answered();
        return answer;
      } catch (err) {
        if (this.stopped) throw new Stopped();
        if (!(err instanceof Unreachable || (err instanceof Refusal && err.later))) throw err;
        this.width = 1;
        if (round === this.round) this.failed(err);
      } finally {
        this.under--;
        this.admit();
      }
    }
  }

  /** Ends the pause, and calls that may hang, at once. */
  kick(): void {
    this.round++;
    this.failures = 0;
    this.openAt = 0;
    for (const c of this.running) c.abort();
    this.wake();
  }

  /** Drops what is on its way: the browser says that the network has gone. */
  lost(): void {
    for (const c of this.running) c.abort();
  }

  stop(): void {
    this.stopped = true;
    for (const c of this.running) c.abort();
    this.wake();
  }

  private async enter(): Promise<void> {
    while (this.under >= this.width && !this.stopped) await new Promise<void>((done) => this.queueing.push(done));
    if (this.stopped) throw new Stopped();
    this.under++;
  }

  private admit(): void {
    for (let room = this.width - this.under; room > 0; room--) this.queueing.shift()?.();
  }

  private widen(took: number): void {
    if (took <= QUICK) this.width = Math.min(WIDEST, this.width + 1);
    else if (took > SLOW) this.width = 1;
  }

  private async once<T>(call: (signal: AbortSignal) => Promise<T>, patience: number): Promise<T> {
    const abort = new AbortController();
    this.running.add(abort);
    const cancel = this.time.limit(patience, () => abort.abort());
    try {
      return await call(abort.signal);
    } finally {
      cancel();
      this.running.delete(abort);
    }
  }

  private answered(): void {
    if (this.failures > 0 || this.openAt > 0) this.round++;
    this.failures = 0;
    this.openAt = 0;
    this.told({ up: true });
  }

  private failed(err: unknown): void {
    this.round++;
    const doubled = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.failures++, 16));
    let pause = doubled / 2 + (doubled / 2) * this.time.random(); // jitter, so that many phones do not come back at once
    const refusal = err instanceof Refusal ? err : undefined;
    if (refusal?.retryAfter) pause = Math.max(pause, Math.min(refusal.retryAfter * 1000, LONGEST_ASKED));
    this.openAt = this.time.now() + pause;
    const why = refusal ? (FULL.includes(refusal.key) || refusal.status === 507 ? "full" : "busy") : "unreachable";
    this.told(refusal ? { up: false, why, retryAt: this.openAt, fault: refusal } : { up: false, why, retryAt: this.openAt });
  }

  private async open(): Promise<void> {
    while (!this.stopped) {
      const wait = this.openAt - this.time.now();
      if (wait <= 0) return;
      await new Promise<void>((done) => {
        const cancel = this.time.after(wait, waker);
        const wakers = this.wakers;
        function waker() {
          cancel();
          wakers.delete(waker);
          done();
        }
        wakers.add(waker);
      });
    }
    throw new Stopped();
  }

  private wake(): void {
    for (const w of [...this.wakers]) w();
    if (this.stopped) for (const done of this.queueing.splice(0)) done();
  }
}
