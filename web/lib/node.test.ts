import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption";
import { base64, concat, randomHex, utf8, type Bytes } from "./bytes.js";
import { canonical } from "./canon.js";
import { Fault } from "./fault.js";
import { hashOf } from "./hash.js";
import { indexText, parcelID, type Index } from "./index.js";
import { Link, Refusal, Stopped, Unreachable, type LinkState, type Waiting } from "./link.js";
import { NodeClient, PiecesMissing } from "./node.js";
import { fetchReplies, openReply } from "./reply.js";
import { Sender } from "./sender.js";

const faultKey = (key: string) => (err: unknown) => err instanceof Fault && err.key === key;
const never = new AbortController().signal;

const secret = ed25519.utils.randomSecretKey();
const nodeKey = base64(ed25519.getPublicKey(secret));

function enclose(doc: object, by: Uint8Array = secret): string {
  const document = canonical(doc as never);
  return JSON.stringify({ document, signature: base64(ed25519.sign(utf8(document), by)) });
}

/** A node that keeps pieces in memory and breaks as it is told. */
class SmallNode {
  readonly pieces = new Map<string, Bytes>();
  puts = 0;
  /** What to do with the next calls instead of answering them. */
  readonly trouble: ((req: IncomingMessage, res: ServerResponse) => void)[] = [];
  readonly slots: Bytes[] = [];
  url = "";

  async start(t: TestContext): Promise<void> {
    const server = createServer((req, res) => void this.answer(req, res));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const c of req) chunks.push(c as Uint8Array);
    const body = concat(...chunks);
    const trouble = this.trouble.shift();
    if (trouble) return trouble(req, res);
    const path = (req.url ?? "").replace("/api/v1", "");
    if (this.part(req, res, path, body)) return;
    const put = /^\/uploads\/[0-9a-f]{32}\/pieces\/([0-9a-f]{64})$/.exec(path);
    if (req.method === "PUT" && put) {
      this.puts++;
      assert.equal(await hashOf(body), put[1]);
      this.pieces.set(put[1]!, body);
      res.writeHead(201).end();
    } else if (path.endsWith("/commit")) {
      this.commit(new TextDecoder().decode(body), res);
    } else if (path.startsWith("/uploads/")) {
      res.end(enclose({ kind: "kua have", node: nodeKey, pieces: [...this.pieces.keys()], upload: path.slice(9) }));
    } else if (path.startsWith("/mailboxes/")) {
      const page = Number(/page=(\d+)/.exec(path)![1]);
      res.setHeader("Kua-Pages", this.slots.length / 8).end(concat(...this.slots.slice(8 * page, 8 * page + 8)));
    } else {
      res.writeHead(404).end("nothing");
    }
  }

  /** Bytes of pieces that have not come whole; and how many of a call's come before the road freezes, 0 for all. */
  readonly parts = new Map<string, Bytes>();
  readonly sizes: number[] = [];
  most = 0;

  private part(req: IncomingMessage, res: ServerResponse, path: string, body: Bytes): boolean {
    const m = /^\/uploads\/[0-9a-f]{32}\/pieces\/([0-9a-f]{64})$/.exec(path);
    if (!m) return false;
    const hash = m[1]!;
    const have = this.parts.get(hash) ?? new Uint8Array(0);
    const held = (status: number) => {
      const whole = this.pieces.get(hash);
      res.writeHead(status, { "Upload-Offset": String((whole ?? this.parts.get(hash) ?? []).length), "Upload-Complete": whole ? "?1" : "?0" }).end();
      return true;
    };
    if (req.method === "HEAD") return held(204);
    this.sizes.push(body.length);
    const came = this.most > 0 && body.length > this.most ? body.subarray(0, this.most) : body;
    if (req.method === "PUT" && came === body) return false;
    if (req.method === "PATCH" && Number(req.headers["upload-offset"]) !== have.length) return held(409);
    this.parts.set(hash, concat(have, came));
    if (came !== body) return true; // never answered
    if (req.headers["upload-complete"] === "?1") this.pieces.set(hash, this.parts.get(hash)!);
    return held(204);
  }

  private commit(text: string, res: ServerResponse): void {
    const lines = text.trimEnd().split("\n");
    const hashes = lines.slice(3);
    const missing = hashes.filter((h) => !this.pieces.has(h));
    if (missing.length > 0) {
      res.writeHead(409).end(JSON.stringify({ missing }));
      return;
    }
    const size = Number(lines[1]!.slice(5));
    res.writeHead(201).end(enclose({ kind: "kua acknowledgement", day: "2026-11-21", node: nodeKey, parcel: parcelID({ size, pieces: hashes }), pieces: hashes.length, size }));
  }
}

/** Time that passes at once, and remembers how long it was asked to wait. */
class QuickTime implements Waiting {
  readonly waited: number[] = [];
  private clock = 0;
  now = () => this.clock;
  random = () => 0.5;
  after(ms: number, f: () => void): () => void {
    this.waited.push(ms);
    const timer = setTimeout(() => {
      this.clock += ms;
      f();
    }, 0);
    return () => clearTimeout(timer);
  }
  /** A call's patience ends at once where the test says so. */
  impatient = false;
  readonly limits: number[] = [];
  limit(ms: number, f: () => void): () => void {
    this.limits.push(ms);
    const timer = this.impatient ? setTimeout(f, 40) : undefined;
    return () => clearTimeout(timer);
  }
}

const refuse = (status: number, key: string, retryAfter?: number) => (_: IncomingMessage, res: ServerResponse) => {
  if (retryAfter) res.setHeader("Retry-After", retryAfter);
  res.writeHead(status).end(JSON.stringify({ error: { kind: "later", key, args: [7] } }));
};
const hangUp = (_: IncomingMessage, res: ServerResponse) => void res.destroy();

async function parcelOf(count: number): Promise<{ index: Index; bytes: Bytes[] }> {
  const bytes = Array.from({ length: count }, (_, i) => utf8(`piece ${i} ${randomHex(20)}`));
  return { bytes, index: { size: bytes.reduce((n, b) => n + b.length, 0), pieces: await Promise.all(bytes.map(hashOf)) } };
}

async function sendAll(node: SmallNode, link: Link, count: number, queue = 2, letGo?: () => void): Promise<{ sender: Sender; index: Index; bytes: Bytes[] }> {
  const { index, bytes } = await parcelOf(count);
  const sender = new Sender(link, new NodeClient(node.url), randomHex(16), queue, () => undefined, false, letGo);
  for (const [i, b] of bytes.entries()) await sender.offer({ hash: index.pieces[i]!, size: b.length, load: () => Promise.resolve(b) });
  await sender.drained();
  return { sender, index, bytes };
}

// The index of so small a test parcel is not one that readIndex takes, and need not be.
const loadFrom = (bytes: Bytes[]) => (n: number) => Promise.resolve(bytes[n]!);

test("pieces arrive, whatever the link and the node do meanwhile", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  const time = new QuickTime();
  const states: LinkState[] = [];
  const link = new Link((s) => states.push(s), time);
  node.trouble.push(hangUp, hangUp, hangUp, refuse(507, "node.full", 30), refuse(422, "node.wrong_hash"), refuse(502, "x"));
  const { sender, index, bytes } = await sendAll(node, link, 20);
  assert.equal(sender.held, index.size);
  assert.equal(node.pieces.size, 20);
  assert.ok(time.waited.some((ms) => ms >= 29_000), `asked to wait 30 s, waited ${time.waited}`);
  assert.ok(states.some((s) => !s.up && s.why === "unreachable") && states.some((s) => !s.up && s.why === "full"));
  assert.deepEqual(states[states.length - 1], { up: true });

  const ack = await sender.commit(index, nodeKey, loadFrom(bytes));
  assert.equal(ack.parcel, parcelID(index));
  assert.equal(ack.day, "2026-11-21");
});

test("where a road freezes, calls shrink, and nothing that came is sent again", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  node.most = 6000;
  const time = new QuickTime();
  time.impatient = true;
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const index: Index = { size: bytes.length, pieces: [await hashOf(bytes)] };
  let held = 0;
  const sender = new Sender(new Link(() => undefined, time), new NodeClient(node.url), randomHex(16), 2, () => (held = sender.held));
  await sender.offer({ hash: index.pieces[0]!, size: bytes.length, load: () => Promise.resolve(bytes) });
  await sender.drained();
  assert.deepEqual(node.pieces.get(index.pieces[0]!), bytes);
  assert.equal(held, bytes.length);
  const broken = node.sizes.filter((n) => n > node.most);
  assert.ok(broken.length > 0 && broken.length < 6, `calls of ${node.sizes}`);
  assert.ok(time.limits.every((ms) => ms <= 15_000 + (32 << 10) || ms === 120_000), `patience of ${time.limits}`);
});

test("a node that answers and keeps nothing is given up, after pauses that grow", async (t) => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const hash = await hashOf(bytes);
  for (const [offset, key, most] of [[0, "nodeapi.no_further", 6], [1, "nodeapi.no_further", 6], [33_000, "nodeapi.not_understood", 1]] as const) {
    const node = new SmallNode();
    await node.start(t);
    let calls = 0;
    const answer = (_: IncomingMessage, res: ServerResponse) => {
      calls++;
      res.writeHead(204, { "Upload-Offset": offset, "Upload-Complete": "?0" }).end();
    };
    node.trouble.push(...Array.from({ length: 50 }, () => answer));
    const time = new QuickTime();
    const sender = new Sender(new Link(() => undefined, time), new NodeClient(node.url), randomHex(16), 2, () => undefined);
    await sender.offer({ hash, size: bytes.length, load: () => Promise.resolve(bytes) });
    await assert.rejects(sender.drained(), faultKey(key));
    assert.equal(calls, most);
    assert.equal(time.waited.length, most - 1);
    assert.ok(time.waited.every((ms, i) => i === 0 || ms > time.waited[i - 1]!), `pauses of ${time.waited}`);
  }
});

test("a piece that is here in part is gone on with", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  const bytes = crypto.getRandomValues(new Uint8Array(9000));
  const hash = await hashOf(bytes);
  node.parts.set(hash, bytes.slice(0, 7000));
  const sender = new Sender(new Link(() => undefined, new QuickTime()), new NodeClient(node.url), randomHex(16), 2, () => undefined);
  await sender.offer({ hash, size: bytes.length, from: 7000, load: () => Promise.resolve(bytes) });
  await sender.drained();
  assert.deepEqual(node.sizes, [2000]);
  assert.deepEqual(node.pieces.get(hash), bytes);
});

test("a piece that the node lost is brought again at the commit", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  const link = new Link(() => undefined, new QuickTime());
  let letGo = 0;
  const { sender, index, bytes } = await sendAll(node, link, 4, 2, () => letGo++);
  node.pieces.delete(index.pieces[2]!);
  const ack = await sender.commit(index, nodeKey, loadFrom(bytes));
  assert.equal(ack.pieces, 4);
  assert.equal(letGo, 1, "nobody was told that the node had let go of it");
  node.pieces.clear();
  await assert.rejects(sender.commit(index, nodeKey, () => Promise.reject(new Fault("report.not_kept"))), faultKey("report.not_kept"));
});

test("what is refused for good ends the sending, with the node's own fault", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  node.trouble.push(refuse(413, "node.parcel_too_large"));
  const link = new Link(() => undefined, new QuickTime());
  await assert.rejects(sendAll(node, link, 9), (err) => err instanceof Refusal && err.key === "node.parcel_too_large" && err.args[0] === 7 && !err.later);
});

test("a slow link has one call at a time, a quick one several, and a failure narrows it again", async () => {
  let now = 0;
  const time: Waiting = { now: () => now, random: () => 0, after: () => () => undefined, limit: () => () => undefined };
  let going = 0;
  let most = 0;
  const answers: (() => void)[] = [];
  const link = new Link(() => undefined, time);
  const call = () => {
    most = Math.max(most, ++going);
    return new Promise<void>((done) => answers.push(() => (going--, done())));
  };
  const settle = () => new Promise((done) => setImmediate(done));
  const run = async (calls: number, each: number) => {
    most = 0;
    const all = Array.from({ length: calls }, () => link.attempt(call));
    for (let left = calls; left > 0; left--) {
      await settle();
      now += each;
      answers.shift()!();
    }
    await Promise.all(all);
    return most;
  };
  assert.equal(await run(4, 60_000), 1);
  assert.equal(await run(6, 10), 3);
  assert.equal(await run(4, 60_000), 3, "what was on its way may end");
  assert.equal(await run(4, 60_000), 1);
});

test("pauses grow, and end at once when told", async () => {
  const time = new QuickTime();
  let calls = 0;
  const link = new Link(() => undefined, time);
  await link.attempt(() => (++calls < 10 ? Promise.reject(new Unreachable("gone")) : Promise.resolve()));
  assert.deepEqual(time.waited, [750, 1500, 3000, 6000, 12000, 24000, 45000, 45000, 45000]);

  await assert.rejects(link.attempt(() => Promise.reject(new TypeError("a fault of the program"))), TypeError);

  const slow: Waiting = { now: () => 0, random: () => 0, after: () => () => undefined, limit: () => () => undefined };
  let tries = 0;
  const stuck = new Link((s) => !s.up && queueMicrotask(() => stuck.kick()), slow);
  await stuck.attempt(() => (++tries === 1 ? Promise.reject(new Unreachable("gone")) : Promise.resolve()));
  assert.equal(tries, 2);

  const given = new Link((s) => !s.up && queueMicrotask(() => given.stop()), slow);
  await assert.rejects(given.attempt(() => Promise.reject(new Unreachable("gone"))), Stopped);
});

test("a slow node slows the sealing, so that little waits in memory", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  const link = new Link(() => undefined);
  const { bytes, index } = await parcelOf(12);
  const sender = new Sender(link, new NodeClient(node.url), randomHex(16), 2, () => undefined);
  let waiting = 0;
  let most = 0;
  for (const [i, b] of bytes.entries()) {
    waiting++;
    most = Math.max(most, waiting);
    await sender.offer({ hash: index.pieces[i]!, size: b.length, load: () => (waiting--, Promise.resolve(b)) });
  }
  await sender.drained();
  assert.ok(most <= 6, `${most} pieces were in memory at a time`);
});

test("the have-list and the acknowledgement count only with the node's signature", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  const client = new NodeClient(node.url);
  const upload = randomHex(16);
  const { index, bytes } = await parcelOf(1);
  await assert.rejects(client.commit(upload, index, nodeKey, never), (err) => err instanceof PiecesMissing && err.missing[0] === index.pieces[0]);
  await client.put(upload, index.pieces[0]!, bytes[0]!, never);
  assert.deepEqual(await client.have(upload, nodeKey, never), { whole: new Set(index.pieces), parts: new Map(), letGo: false });
  node.trouble.push((req, res) => res.setHeader("Kua-Let-Go", "?1").end(enclose({ kind: "kua have", node: nodeKey, pieces: [], upload: req.url!.slice(-32) })));
  assert.deepEqual(await client.have(upload, nodeKey, never), { whole: new Set(), parts: new Map(), letGo: true });

  const other = base64(ed25519.getPublicKey(ed25519.utils.randomSecretKey()));
  await assert.rejects(client.have(upload, other, never), faultKey("nodeapi.bad_signature"));
  await assert.rejects(client.commit(upload, index, other, never), faultKey("nodeapi.bad_signature"));
  const lie = (doc: object) => (_: IncomingMessage, res: ServerResponse) => void res.end(enclose(doc));
  node.trouble.push(lie({ kind: "kua have", node: nodeKey, pieces: [], upload: "other" }));
  await assert.rejects(client.have(upload, nodeKey, never), faultKey("nodeapi.not_understood"));
  node.trouble.push(lie({ kind: "kua acknowledgement", day: "2026-11-21", node: nodeKey, parcel: "other", pieces: 1, size: index.size }));
  await assert.rejects(client.commit(upload, index, nodeKey, never), faultKey("nodeapi.not_understood"));
  assert.match(indexText(index), /^kua-parcel-index/);
});

async function reply(text: string, recipient: string): Promise<Bytes> {
  const e = new Encrypter();
  e.addRecipient(recipient);
  const sealed = await e.encrypt(concat(utf8(text), new Uint8Array(6533 - utf8(text).length)));
  assert.equal(sealed.length, 8192);
  return sealed as Bytes;
}

test("replies are found among all slots of all pages, and only one's own", async (t) => {
  const node = new SmallNode();
  await node.start(t);
  const mine = await generateHybridIdentity();
  const recipient = await identityToRecipient(mine);
  const other = await identityToRecipient(await generateHybridIdentity());
  const damaged = await reply("broken on the disk", recipient);
  damaged[8000]! ^= 1;
  node.slots.push(await reply("Біз сізді естідік.", recipient), await reply("not yours", other), new Uint8Array(8192), damaged);
  while (node.slots.length < 15) node.slots.push(await reply("", other));
  node.slots.push(await reply("Second answer.\n", recipient));

  const keys = { identity: mine, recipient, mailbox: "ab" + "0".repeat(30), blind: "" };
  const seen: number[] = [];
  const got = await fetchReplies(new Link(() => undefined), new NodeClient(node.url), keys, (done) => seen.push(done));
  assert.deepEqual(got, { texts: ["Біз сізді естідік.", "Second answer.\n"], damaged: 1 });
  assert.deepEqual(seen, [1, 2]);
  assert.equal(await openReply(crypto.getRandomValues(new Uint8Array(8192)), mine), "not mine");
});
