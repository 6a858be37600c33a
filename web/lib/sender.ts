/** Brings a parcel's pieces to the node over a link that breaks, and has the node sign for them. */
import type { Bytes } from "./bytes.js";
import { Fault } from "./fault.js";
import type { Index } from "./index.js";
import { Grain } from "./grain.js";
import { Refusal, Unreachable, type Link } from "./link.js";
import { PiecesMissing, type Acknowledgement, type NodeClient } from "./node.js";

/** A sealed piece that waits to be sent. load may be called several times. */
export interface Waiting {
  hash: string;
  size: number;
  /** Bytes that the node is known to hold. */
  from?: number;
  /** Whether to ask first what the node holds. */
  ask?: boolean;
  load(): Promise<Bytes>;
}

const LANES = 3; // calls at a time
const WRONG_HASH = 422; // the piece was damaged on its way
const TRIES_DAMAGED = 5;
const TRIES_STUCK = 6; // of a piece, with a node that answers and does not keep what was sent
const BUSY = 503;
const ROUNDS = 3; // of commit, bring what is missing, commit again

export class Sender {
  /** Bytes that the node has confirmed, and nothing else. */
  held = 0;

  private readonly grain: Grain;
  private readonly queue: Waiting[] = [];
  private readonly lanes: Promise<void>[] = [];
  private closed = false;
  private broken: { err: unknown } | undefined;
  private idle: (() => void)[] = [];
  private roomy: (() => void)[] = [];

  /** whole: pieces go in one call each. queueLimit is how many pieces may wait in memory before offer makes the sealing wait. letGo is called when the node lacks what it held before. */
  constructor(
    private readonly link: Link,
    private readonly client: NodeClient,
    private readonly upload: string,
    private readonly queueLimit: number,
    private readonly progress: () => void,
    whole = false,
    private readonly letGo: () => void = () => undefined,
  ) {
    this.grain = new Grain(whole);
    for (let i = 0; i < LANES; i++) this.lanes.push(this.lane());
  }

  /** Takes a piece to send; resolves when there is room for the next. */
  async offer(piece: Waiting): Promise<void> {
    this.queue.push(piece);
    this.idle.shift()?.();
    while (this.queue.length >= this.queueLimit && !this.broken) await new Promise<void>((done) => this.roomy.push(done));
    if (this.broken) throw this.broken.err;
  }

  /** Learns from a call with so many bytes that broke. */
  broke(bytes: number): void {
    this.grain.broke(bytes);
  }

  /** Counts a piece that the node holds already. */
  confirmed(size: number): void {
    this.held += size;
    this.progress();
  }

  /** Waits until every piece that was offered is held. */
  async drained(): Promise<void> {
    this.closed = true;
    this.wakeAll();
    await Promise.all(this.lanes);
    if (this.broken) throw this.broken.err;
  }

  /** Has the node sign for the whole. load gives any piece again, or fails when it is not kept. */
  async commit(index: Index, key: string, load: (n: number) => Promise<Bytes>): Promise<Acknowledgement> {
    for (let round = 1; ; round++) {
      try {
        return await this.link.attempt((signal) => this.client.commit(this.upload, index, key, signal));
      } catch (err) {
        if (!(err instanceof PiecesMissing) || round === ROUNDS) throw err;
        this.letGo();
        for (const hash of new Set(err.missing)) {
          const n = index.pieces.indexOf(hash);
          if (n < 0) throw new Fault("nodeapi.not_understood");
          const bytes = await load(n);
          this.held -= bytes.length; // it was counted, and is not there
          await this.bring({ hash, size: bytes.length, load: () => Promise.resolve(bytes) });
        }
      }
    }
  }

  /** Lets go of everything that waits; what is on its way ends with the link. */
  stop(): void {
    this.queue.length = 0;
    this.closed = true;
    this.wakeAll();
  }

  private async lane(): Promise<void> {
    for (;;) {
      const piece = this.queue.shift();
      if (!piece) {
        if (this.closed || this.broken) return;
        await new Promise<void>((done) => this.idle.push(done));
        continue;
      }
      this.roomy.shift()?.();
      try {
        await this.bring(piece);
      } catch (err) {
        this.broken ??= { err };
        this.queue.length = 0;
        this.link.stop(); // the other lanes would go on trying
        this.wakeAll();
        return;
      }
    }
  }

  /** Brings a piece in one call or in many, and goes on where a call broke off. */
  private async bring(piece: Waiting): Promise<void> {
    const on = new OnItsWay(piece, this.link, this.grain, this.client, this.upload, (bytes) => this.confirmed(bytes));
    for (let damaged = 1; ; ) {
      try {
        while (!(await this.link.attempt((signal) => on.step(signal), () => on.patience())));
        return;
      } catch (err) {
        if (!(err instanceof Refusal && err.status === WRONG_HASH) || damaged++ === TRIES_DAMAGED) throw err;
        on.begin(0);
      }
    }
  }

  private wakeAll(): void {
    for (const done of [...this.idle.splice(0), ...this.roomy.splice(0)]) done();
  }
}

/** A piece, and how far it has come. */
class OnItsWay {
  private at = 0;
  private unsure = false; // whether the node holds more, or less, than at
  private strayed = 0;
  private stuck = 0; // calls after which the node held less than was sent

  constructor(
    private readonly piece: Waiting,
    private readonly link: Link,
    private readonly grain: Grain,
    private readonly client: NodeClient,
    private readonly upload: string,
    private readonly confirmed: (bytes: number) => void,
  ) {
    this.begin(piece.from ?? 0);
    this.unsure = piece.ask ?? false;
  }

  begin(at: number): void {
    this.confirmed(at - this.at);
    this.at = at;
  }

  patience(): number {
    return Grain.patience(this.unsure ? 0 : Math.min(this.grain.size, this.piece.size - this.at));
  }

  /** Makes one call; says whether the node holds the piece. */
  async step(signal: AbortSignal): Promise<boolean> {
    const { hash, size } = this.piece;
    if (this.unsure) {
      const { at, complete } = await this.client.offset(this.upload, hash, signal);
      this.unsure = false;
      this.begin(complete ? size : Math.min(at, size));
      return complete;
    }
    const bytes = (await this.piece.load()).subarray(this.at, this.at + this.grain.size);
    const end = this.at + bytes.length;
    const last = end === size;
    const began = this.link.now();
    let held = { at: size, complete: true };
    try {
      if (bytes.length === size) await this.client.put(this.upload, hash, bytes, signal);
      else held = await this.client.append(this.upload, hash, this.at, bytes, last, signal);
    } catch (err) {
      this.unsure = true;
      if (err instanceof Unreachable || (err instanceof Refusal && err.key === "node.too_slow")) this.grain.broke(bytes.length);
      if (err instanceof Refusal && err.key === "node.other_offset" && this.strayed++ < TRIES_DAMAGED) return false;
      throw err;
    }
    if (!held.complete && held.at > end) throw new Fault("nodeapi.not_understood");
    this.begin(held.complete ? size : held.at);
    if (!held.complete && (held.at < end || last)) {
      this.grain.broke(bytes.length);
      if (++this.stuck === TRIES_STUCK) throw new Fault("nodeapi.no_further");
      throw new Refusal("nodeapi.no_further", [], BUSY, undefined);
    }
    this.grain.went(bytes.length, this.link.now() - began);
    return held.complete;
  }
}
