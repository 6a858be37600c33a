/**
 * Keeps a sealed parcel in the origin's private file system while it is being
 * sent, so that memory stays flat and a crash or a reload can go on. Nothing
 * unsealed is ever written, and the receipt is not. In the worker only.
 */
import type { Bytes } from "../../lib/bytes.js";
import { Fault } from "../../lib/fault.js";
import { indexText, PIECE, pieceSize, readIndex, type Index } from "../../lib/index.js";

/** The synchronous handle that workers have; some browsers' versions of it answer with promises. */
interface Access {
  read(into: Uint8Array, options: { at: number }): number | Promise<number>;
  write(bytes: Uint8Array, options: { at: number }): number | Promise<number>;
  flush(): void | Promise<void>;
  close(): void | Promise<void>;
}

const PREFIX = "kua-";
const SEALED = "sealed";
const NOTE = "note"; // written last: where it is, the sealed file is whole
const SPARE = 16 * 2 ** 20; // bytes that must stay free besides

interface Note {
  upload: string;
  index: string;
}

export class Vault {
  private at = 0;
  private access: Access | undefined;
  private file: File | undefined;
  private turned: Promise<void> = Promise.resolve(); // from the handle that writes to the finished file
  index: Index | undefined;

  private constructor(
    private readonly root: FileSystemDirectoryHandle,
    private readonly dir: FileSystemDirectoryHandle,
    readonly upload: string,
    private readonly unlock: () => void,
  ) {}

  /**
   * Makes a place for a sealed file of a size; null where the browser has none to
   * give. In a private window the place may be the device's memory, and is small.
   */
  static async create(upload: string, size: number): Promise<Vault | null> {
    const root = await rootDir();
    if (!root || !(await hasRoom(size + SPARE))) return null;
    const unlock = await lock(upload);
    if (!unlock) throw new Fault("report.left.busy");
    const dir = await root.getDirectoryHandle(PREFIX + upload, { create: true });
    const v = new Vault(root, dir, upload, unlock);
    try {
      v.access = await accessTo(dir, SEALED);
    } catch {
      await v.erase();
      return null; // an older browser: it has files, but no way to write them here
    }
    return v;
  }

  /** Opens a parcel that was sealed whole earlier. */
  static async open(upload: string): Promise<Vault> {
    const root = await rootDir();
    const unlock = root && (await lock(upload));
    if (!root || !unlock) throw new Fault(root ? "report.left.busy" : "report.gone");
    try {
      const dir = await root.getDirectoryHandle(PREFIX + upload);
      const v = new Vault(root, dir, upload, unlock);
      const note = await readNote(dir);
      v.index = readIndex(note!.index);
      v.file = await (await dir.getFileHandle(SEALED)).getFile();
      if (v.file.size !== v.index.size) throw new Error("the sealed file is not whole");
      return v;
    } catch (err) {
      unlock();
      throw new Fault("report.gone", [], err);
    }
  }

  async write(bytes: Bytes, size: number): Promise<void> {
    try {
      const n = await this.access!.write(bytes, { at: this.at });
      if (n !== bytes.length) throw new Error("short write");
      this.at += n;
    } catch (err) {
      throw new Fault("report.no_room", [size], err);
    }
  }

  /** Ends the writing: from here on the parcel survives a crash. Who reads meanwhile waits. */
  finish(index: Index): Promise<void> {
    return (this.turned = this.turn(index));
  }

  private async turn(index: Index): Promise<void> {
    await this.access!.flush();
    const note: Note = { upload: this.upload, index: indexText(index) };
    const a = await accessTo(this.dir, NOTE);
    await a.write(new TextEncoder().encode(JSON.stringify(note)), { at: 0 });
    await a.flush();
    await a.close();
    this.index = index;
    await this.access!.close();
    this.access = undefined;
    this.file = await (await this.dir.getFileHandle(SEALED)).getFile();
  }

  /** The bytes of piece n, which must have been written. */
  async read(n: number): Promise<Bytes> {
    await this.turned;
    if (this.file) return new Uint8Array(await this.file.slice(n * PIECE, n * PIECE + pieceSize(this.index!, n)).arrayBuffer());
    const piece = new Uint8Array(Math.min(PIECE, this.at - n * PIECE));
    const got = await this.access!.read(piece, { at: n * PIECE });
    if (got !== piece.length) throw new Fault("report.gone");
    return piece;
  }

  /** The whole sealed file, once it is finished. */
  get sealed(): Blob {
    return this.file!;
  }

  /** Lets go of a finished parcel, which stays on the device. */
  close(): void {
    this.file = undefined;
    this.unlock();
  }

  async erase(): Promise<void> {
    await this.access?.close();
    this.access = undefined;
    this.file = undefined;
    await this.root.removeEntry(PREFIX + this.upload, { recursive: true }).catch(() => undefined);
    this.unlock();
  }

  /** What earlier visits left: whole parcels; broken ones are erased and counted. Those of other tabs stay. */
  static async left(): Promise<{ whole: { upload: string; size: number }[]; broken: number; busy: boolean }> {
    const found = { whole: [] as { upload: string; size: number }[], broken: 0, busy: false };
    const root = await rootDir();
    if (!root) return found;
    const names: string[] = [];
    for await (const name of root.keys()) if (name.startsWith(PREFIX)) names.push(name);
    for (const name of names) {
      const upload = name.slice(PREFIX.length);
      const unlock = await lock(upload);
      if (!unlock) {
        found.busy = true;
        continue;
      }
      const note = await readNote(await root.getDirectoryHandle(name));
      if (note) found.whole.push({ upload, size: readIndex(note.index).size });
      else if (await removed(root, name)) found.broken++;
      unlock();
    }
    return found;
  }
}

async function rootDir(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return await navigator.storage.getDirectory();
  } catch {
    return null; // older browsers; private windows of some
  }
}

async function accessTo(dir: FileSystemDirectoryHandle, name: string): Promise<Access> {
  const handle = (await dir.getFileHandle(name, { create: true })) as unknown as { createSyncAccessHandle(): Promise<Access> };
  return handle.createSyncAccessHandle();
}

async function readNote(dir: FileSystemDirectoryHandle): Promise<Note | null> {
  try {
    const note = JSON.parse(await (await (await dir.getFileHandle(NOTE)).getFile()).text()) as Note;
    readIndex(note.index);
    return note;
  } catch {
    return null;
  }
}

async function removed(root: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await root.removeEntry(name, { recursive: true });
    return true;
  } catch {
    return false; // another tab writes it, in a browser without locks
  }
}

async function hasRoom(bytes: number): Promise<boolean> {
  const { quota, usage } = (await navigator.storage.estimate?.()) ?? {};
  return quota === undefined || quota - (usage ?? 0) >= bytes;
}

/** Holds the parcel for this tab; null when another tab holds it. Browsers without locks have no say. */
async function lock(upload: string): Promise<(() => void) | null> {
  const locks = (navigator as { locks?: LockManager }).locks;
  if (!locks) return () => undefined;
  return new Promise((done) => {
    void locks.request(PREFIX + upload, { ifAvailable: true }, (held) => {
      if (!held) return done(null);
      return new Promise<void>((release) => done(release));
    });
  });
}
