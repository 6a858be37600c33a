/** Seals a report and brings it to the node: what the worker does, without the worker. */
import { plaintext, plainSize } from "../../lib/bag.js";
import { randomHex, type Bytes } from "../../lib/bytes.js";
import { recipients, verifyChain, type Charter } from "../../lib/charter.js";
import { Fault, faultOf } from "../../lib/fault.js";
import { Grain } from "../../lib/grain.js";
import { PIECE, pieces, pieceSize, type Index, type Piece } from "../../lib/index.js";
import { Link, Refusal, Stopped } from "../../lib/link.js";
import type { Acknowledgement, NodeClient, NodeInfo } from "../../lib/node.js";
import { dayOf, describe, reportBytes } from "../../lib/report.js";
import { seal, type Sealed } from "../../lib/seal.js";
import { Sender, type Waiting } from "../../lib/sender.js";
import { keysOf } from "./keys.js";
import type { Order, Stage, Told } from "./messages.js";
import { openFile, type Shelf } from "./shelf.js";
import { Vault } from "./vault.js";

const IN_MEMORY = 8; // pieces that wait to be sent where none can be kept on the device
const TOLD_EVERY = 150; // ms between two words on the progress

export interface Trusted {
  charter: Charter;
  info: NodeInfo;
}

export class Job {
  private readonly link: Link;
  private trusted: Promise<Trusted> | undefined;
  private vault: Vault | null = null;
  private sender: Sender | undefined;
  private sealed = 0;
  private total = 0;
  private toldAt = 0;

  constructor(
    private readonly client: NodeClient,
    private readonly pinned: string,
    private readonly tell: (told: Told) => void,
    known?: Trusted,
    private readonly byHand = false,
  ) {
    if (known) this.trusted = Promise.resolve(known);
    this.link = new Link((state) => tell(state.up ? { say: "up" } : { say: "waiting", why: state.why, retryAt: state.retryAt }));
  }

  /** Fetches the charter and checks it, so that sealing can begin at once, even offline. */
  prepare(): Promise<Trusted> {
    this.trusted ??= this.trust().catch((err: unknown) => {
      this.trusted = undefined;
      throw err;
    });
    return this.trusted;
  }

  async run(order: Order): Promise<void> {
    this.stage("preparing");
    const { charter, info } = await this.prepare();
    this.stage("deriving");
    const keys = await keysOf(order.receipt, (percent) => this.tell({ say: "deriving", percent }));
    const described = describe(order.files.map((f, i) => ({ name: f.name, type: f.type, size: f.size, cleaned: order.cleaned[i] ?? false })));
    const report = reportBytes(order.story, { reply: keys.recipient, mailbox: keys.mailbox, blind: keys.blind }, described, dayOf(new Date()));
    const size = plainSize(report, described);
    const sealed = await seal(plaintext(report, described, order.files), size, recipients(charter));
    if (sealed.size > info.parcelBytes) throw new Fault("report.too_large", [info.parcelBytes]);
    this.total = sealed.size;
    const upload = randomHex(16);
    if (order.send) await this.sealAndSend(sealed, upload, order.keep, info.key);
    else await this.sealOnly(sealed, upload, order);
  }

  /** Goes on with a parcel that an earlier visit sealed. */
  async resume(upload: string): Promise<void> {
    this.stage("preparing");
    const vault = await Vault.open(upload);
    this.vault = vault;
    const index = vault.index!;
    this.total = this.sealed = index.size;
    this.progress(true);
    this.tell({ say: "kept", file: vault.sealed });
    const { info } = await this.prepare();
    const held = await this.link.attempt((signal) => this.client.have(upload, info.key, signal)).catch(nothingHeld);
    if (held.letGo) this.tell({ say: "let go" });
    this.stage("sending");
    const sender = this.newSender(upload, Infinity);
    for (const [n, hash] of index.pieces.entries()) {
      if (held.whole.has(hash)) sender.confirmed(pieceSize(index, n));
      else await sender.offer({ hash, size: pieceSize(index, n), from: held.parts.get(hash) ?? 0, ask: this.byHand, load: () => vault.read(n) });
    }
    await this.deliver(sender, index, info.key);
  }

  /** Lets go of everything and erases what is kept. */
  async erase(): Promise<void> {
    this.link.stop();
    this.sender?.stop();
    await this.vault?.erase();
    this.vault = null;
  }

  /** Stops, but keeps a parcel that is sealed whole: gives its upload, to go on with. */
  async release(): Promise<string | undefined> {
    const { vault } = this;
    if (!vault?.index) {
      await this.erase();
      return undefined;
    }
    this.link.stop();
    this.sender?.stop();
    vault.close();
    this.vault = null;
    return vault.upload;
  }

  kick(): void {
    this.link.kick();
  }

  lost(): void {
    this.link.lost();
  }

  private async trust(): Promise<Trusted> {
    const chain = await this.link.attempt((signal) => this.client.chain(signal));
    const charter = verifyChain(chain, this.pinned);
    const info = await this.link.attempt((signal) => this.client.info(signal));
    if (!this.byHand && !charter.nodes?.some((n) => n.key === info.key)) throw new Fault("report.node_not_named");
    return { charter, info };
  }

  private async sealAndSend(sealed: Sealed, upload: string, keep: boolean, key: string): Promise<void> {
    const vault = keep ? await Vault.create(upload, sealed.size) : null;
    this.vault = vault;
    this.stage("sealing");
    if (sealed.size <= PIECE) return this.sealAndSendWhole(sealed, upload, vault, key);
    const sender = this.newSender(upload, vault ? Infinity : IN_MEMORY);
    const index = await this.sealPieces(sealed, async (p) => {
      await vault?.write(p.bytes, sealed.size);
      await sender.offer(vault ? kept(p, vault) : inMemory(p));
    });
    if (vault) {
      await vault.finish(index);
      this.tell({ say: "kept", file: vault.sealed });
    }
    this.stage("sending");
    await this.deliver(sender, index, key);
  }

  /** A report of text alone goes in one call; where the link breaks, the usual way goes on with what came of it. */
  private async sealAndSendWhole(sealed: Sealed, upload: string, vault: Vault | null, key: string): Promise<void> {
    let only: Piece | undefined;
    const index = await this.sealPieces(sealed, async (p) => {
      only = p;
      await vault?.write(p.bytes, sealed.size);
    });
    if (vault) {
      await vault.finish(index);
      this.tell({ say: "kept", file: vault.sealed });
    }
    this.stage("sending");
    const { bytes, hash } = only!;
    let tried = false;
    const ack = await this.link.attempt((signal) => {
      if (tried) return Promise.resolve(undefined);
      tried = true;
      return this.client.putWhole(upload, index, bytes, key, signal);
    }, () => Grain.patience(bytes.length));
    const sender = this.newSender(upload, IN_MEMORY);
    if (ack) {
      sender.confirmed(bytes.length);
      return this.done(ack);
    }
    sender.broke(bytes.length);
    const { at, complete } = await this.link.attempt((signal) => this.client.offset(upload, hash, signal));
    if (complete) sender.confirmed(bytes.length);
    else await sender.offer({ hash, size: bytes.length, from: at, load: () => Promise.resolve(bytes) });
    await this.deliver(sender, index, key, () => Promise.resolve(bytes));
  }

  private async done(ack: Acknowledgement): Promise<void> {
    this.progress(true);
    await this.vault?.erase();
    this.vault = null;
    this.tell({ say: "done", ack });
  }

  private async deliver(sender: Sender, index: Index, key: string, again?: (n: number) => Promise<Bytes>): Promise<void> {
    await sender.drained();
    this.progress(true);
    this.stage("committing");
    const vault = this.vault;
    const load = again ?? (vault ? (n: number) => vault.read(n) : () => Promise.reject(new Fault("report.not_kept")));
    await this.done(await sender.commit(index, key, load));
  }

  private async sealOnly(sealed: Sealed, upload: string, order: Order): Promise<void> {
    const shelf: Shelf = await openFile(order, upload, sealed.size);
    this.vault = shelf.vault ?? null;
    this.stage("sealing");
    const index = await this.sealPieces(sealed, (p) => shelf.write(p.bytes));
    const file = await shelf.finish(index);
    this.stage("sealed");
    this.tell({ say: "kept", file });
  }

  private async sealPieces(sealed: Sealed, take: (p: Piece) => Promise<void>): Promise<Index> {
    const index: Index = { size: sealed.size, pieces: [] };
    for await (const p of pieces(sealed.stream)) {
      index.pieces.push(p.hash);
      await take(p);
      this.sealed += p.bytes.length;
      this.progress();
    }
    if (this.sealed !== sealed.size) throw new Error(`sealed ${this.sealed} bytes and not ${sealed.size}`);
    this.progress(true);
    return index;
  }

  private newSender(upload: string, queue: number): Sender {
    return (this.sender = new Sender(this.link, this.client, upload, queue, () => this.progress(), this.byHand, () => this.tell({ say: "let go" })));
  }

  private stage(stage: Stage): void {
    this.tell({ say: "stage", stage, keeping: this.vault !== null });
  }

  private progress(now = false): void {
    if (!now && Date.now() - this.toldAt < TOLD_EVERY) return;
    this.toldAt = Date.now();
    this.tell({ say: "progress", sealed: this.sealed, held: this.sender?.held ?? 0, total: this.total });
  }
}

// Two functions, and not two closures in one: closures of one scope keep alive
// what any of them names, and a piece that waits would keep its bytes.

function kept({ n, hash, bytes: { length: size } }: Piece, vault: Vault): Waiting {
  return { hash, size, load: () => vault.read(n) };
}

function inMemory({ hash, bytes }: Piece): Waiting {
  return { hash, size: bytes.length, load: () => Promise.resolve(bytes) };
}

/** A node that no longer knows an upload holds nothing of it. */
function nothingHeld(err: unknown): Awaited<ReturnType<NodeClient["have"]>> {
  if (err instanceof Refusal && err.status === 404) return { whole: new Set(), parts: new Map(), letGo: false };
  throw err;
}

/** What the page is told of an error; null when the job was stopped on purpose. */
export function failure(err: unknown): Told | null {
  if (err instanceof Stopped) return null;
  const { key, args } = faultOf(err);
  return { say: "failed", key, args };
}
