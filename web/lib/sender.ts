/** Brings a parcel's pieces to the node over a link that breaks, and has the node sign for them. */
import type { Bytes } from "./bytes.js";
import { Fault } from "./fault.js";
import type { Index } from "./index.js";
import { Refusal, type Link } from "./link.js";
import { PiecesMissing, type Acknowledgement, type NodeClient } from "./node.js";

/** A sealed piece that waits to be sent. load may be called several times. */
export interface Waiting {
  hash: string;
  size: number;
  load(): Promise<Bytes>;
}

const LANES = 3; // calls at a time
const WRONG_HASH = 422; // the piece was damaged on its way
const TRIES_DAMAGED = 5;
const ROUNDS = 3; // of commit, bring what is missing, commit again

export class Sender {
  /** Bytes that the node has confirmed, and nothing else. */
  held = 0;

  private readonly queue: Waiting[] = [];
  private readonly lanes: Promise<void>[] = [];
  private closed = false;
  private broken: { err: unknown } | undefined;
  private idle: (() => void)[] = [];
  private roomy: (() => void)[] = [];

  /** queueLimit is how many pieces may wait in memory before offer makes the sealing wait. */
  constructor(
    private readonly link: Link,
    private readonly client: NodeClient,
    private readonly upload: string,
    private readonly queueLimit: number,
    private readonly progress: () => void,
  ) {
    for (let i = 0; i < LANES; i++) this.lanes.push(this.lane());
  }

  /** Takes a piece to send; resolves when there is room for the next. */
  async offer(piece: Waiting): Promise<void> {
    this.queue.push(piece);
    this.idle.shift()?.();
    while (this.queue.length >= this.queueLimit && !this.broken) await new Promise<void>((done) => this.roomy.push(done));
    if (this.broken) throw this.broken.err;
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
        for (const hash of new Set(err.missing)) {
          const n = index.pieces.indexOf(hash);
          if (n < 0) throw new Fault("nodeapi.not_understood");
          const bytes = await load(n);
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
        this.confirmed(piece.size);
      } catch (err) {
        this.broken ??= { err };
        this.queue.length = 0;
        this.link.stop(); // the other lanes would go on trying
        this.wakeAll();
        return;
      }
    }
  }

  private async bring(piece: Waiting): Promise<void> {
    for (let damaged = 1; ; damaged++) {
      try {
        await this.link.attempt(async (signal) => this.client.put(this.upload, piece.hash, await piece.load(), signal));
        return;
      } catch (err) {
        if (!(err instanceof Refusal && err.status === WRONG_HASH) || damaged === TRIES_DAMAGED) throw err;
      }
    }
  }

  private wakeAll(): void {
    for (const done of [...this.idle.splice(0), ...this.roomy.splice(0)]) done();
  }
}
