import assert from "node:assert/strict";
import test from "node:test";
import { Fault } from "../../lib/fault.js";
import { hashOf } from "../../lib/hash.js";
import { PIECE, type Index } from "../../lib/index.js";
import { Vault } from "./vault.js";

/** A file system in memory that answers late, as a browser's does. Node has none of its own. */
class Dir {
  readonly entries = new Map<string, Dir | MemoryFile>();

  async getDirectoryHandle(name: string, o?: { create: boolean }): Promise<Dir> {
    await later();
    return this.get(name, o, () => new Dir()) as Dir;
  }
  async getFileHandle(name: string, o?: { create: boolean }): Promise<MemoryFile> {
    await later();
    return this.get(name, o, () => new MemoryFile()) as MemoryFile;
  }
  async removeEntry(name: string): Promise<void> {
    await later();
    if (!this.entries.delete(name)) throw new Error("NotFoundError");
  }
  async *keys(): AsyncGenerator<string> {
    await later();
    yield* [...this.entries.keys()];
  }
  private get(name: string, o: { create: boolean } | undefined, make: () => Dir | MemoryFile): Dir | MemoryFile {
    const found = this.entries.get(name) ?? (o?.create ? make() : undefined);
    if (!found) throw new Error("NotFoundError");
    this.entries.set(name, found);
    return found;
  }
}

class MemoryFile {
  bytes = new Uint8Array(0);
  full = Infinity;

  async getFile(): Promise<File> {
    await later();
    return new File([this.bytes], "x");
  }
  async createSyncAccessHandle() {
    await later();
    let open = true;
    const check = () => assert.ok(open, "the handle is closed");
    return {
      read: (into: Uint8Array, { at }: { at: number }) => (check(), into.set(this.bytes.subarray(at, at + into.length)), into.length),
      write: (b: Uint8Array, { at }: { at: number }) => {
        check();
        if (at + b.length > this.full) throw new Error("QuotaExceededError");
        const grown = new Uint8Array(Math.max(this.bytes.length, at + b.length));
        grown.set(this.bytes);
        grown.set(b, at);
        this.bytes = grown;
        return b.length;
      },
      flush: later,
      close: async () => (await later(), (open = false), undefined),
    };
  }
}

function later(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** A browser with an empty private file system, and locks as another tab sees them. */
function browser(quota = 1e9): { root: Dir; locked: Set<string> } {
  const root = new Dir();
  const locked = new Set<string>();
  const locks = {
    async request(name: string, _: object, held: (lock: object | null) => Promise<void> | void) {
      if (locked.has(name)) return held(null);
      locked.add(name);
      await held({});
      locked.delete(name);
    },
  };
  const storage = { getDirectory: () => Promise.resolve(root), estimate: () => Promise.resolve({ quota, usage: 0 }) };
  Object.defineProperty(globalThis, "navigator", { value: { storage, locks }, configurable: true });
  return { root, locked };
}

const upload = "ab".repeat(16);

async function parcel(): Promise<{ index: Index; pieces: Uint8Array<ArrayBuffer>[] }> {
  const pieces = [PIECE, PIECE, 77].map((size, i) => new Uint8Array(size).fill(i + 1));
  return { index: { size: 2 * PIECE + 77, pieces: await Promise.all(pieces.map(hashOf)) }, pieces };
}

async function filled(): Promise<{ vault: Vault; index: Index; pieces: Uint8Array<ArrayBuffer>[] }> {
  const { index, pieces } = await parcel();
  const vault = await Vault.create(upload, index.size);
  assert.ok(vault);
  for (const p of pieces) await vault.write(p, index.size);
  return { vault, index, pieces };
}

const key = (k: string) => (err: unknown) => err instanceof Fault && err.key === k;

test("pieces can be read while the parcel is written, finished, and after a new start", async () => {
  const { root, locked } = browser();
  const { vault, index, pieces } = await filled();
  assert.deepEqual(await vault.read(1), pieces[1]);
  const finishing = vault.finish(index);
  for (let i = 0; i < 12; i++) {
    await later(); // at every moment of the turn from one handle to the other
    assert.deepEqual(await vault.read(i % 3), pieces[i % 3]);
  }
  await finishing;
  assert.equal(vault.sealed.size, index.size);
  vault.close();
  await later();
  assert.equal(locked.size, 0);

  assert.deepEqual(await Vault.left(), { whole: [{ upload, size: index.size }], broken: 0, busy: false });
  const again = await Vault.open(upload);
  assert.deepEqual(again.index, index);
  for (const [n, p] of pieces.entries()) assert.deepEqual(await again.read(n), p);
  await again.erase();
  assert.equal(root.entries.size, 0);
  await assert.rejects(Vault.open(upload), key("report.gone"));
});

test("reads that begin together with the end of the writing get their bytes", async () => {
  browser();
  const { vault, index, pieces } = await filled();
  const [, ...got] = await Promise.all([vault.finish(index), vault.read(0), vault.read(1), vault.read(2)]);
  assert.deepEqual(got, pieces);
});

test("what was not finished is erased at the next visit, but not under another tab", async () => {
  const { root } = browser();
  const { vault } = await filled();
  assert.deepEqual(await Vault.left(), { whole: [], broken: 0, busy: true });
  await assert.rejects(Vault.open(upload), key("report.left.busy"));
  assert.equal(root.entries.size, 1);
  vault.close(); // as a crash does
  await later();
  assert.deepEqual(await Vault.left(), { whole: [], broken: 1, busy: false });
  assert.equal(root.entries.size, 0);
});

test("a device without room or without such files has no vault", async () => {
  browser(1000);
  assert.equal(await Vault.create(upload, 2 * PIECE), null);
  Object.defineProperty(globalThis, "navigator", { value: { storage: {} }, configurable: true });
  assert.equal(await Vault.create(upload, 1), null);
  assert.deepEqual(await Vault.left(), { whole: [], broken: 0, busy: false });
});

test("a device that fills up meanwhile says so", async () => {
  const { root } = browser();
  const { index, pieces } = await parcel();
  const vault = await Vault.create(upload, index.size);
  const dir = [...root.entries.values()][0] as Dir;
  (dir.entries.get("sealed") as MemoryFile).full = PIECE + 5;
  await vault!.write(pieces[0]!, index.size);
  await assert.rejects(vault!.write(pieces[1]!, index.size), key("report.no_room"));
  await vault!.erase();
  assert.equal(root.entries.size, 0);
});

test("a parcel that is not whole on the device is not sent on", async () => {
  const { root } = browser();
  const { vault, index } = await filled();
  await vault.finish(index);
  vault.close();
  await later();
  const dir = [...root.entries.values()][0] as Dir;
  const sealed = dir.entries.get("sealed") as MemoryFile;
  sealed.bytes = sealed.bytes.slice(1);
  await assert.rejects(Vault.open(upload), key("report.gone"));
});
