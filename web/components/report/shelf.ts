/** Where a sealed file goes that is not sent: to a file the person chose, to the vault, or into memory. In the worker only. */
import type { Bytes } from "../../lib/bytes.js";
import { Fault } from "../../lib/fault.js";
import type { Index } from "../../lib/index.js";
import type { Order } from "./messages.js";
import { Vault } from "./vault.js";

export interface Shelf {
  vault?: Vault;
  write(bytes: Bytes): Promise<void>;
  /** Gives the whole file, or null when it is where the person chose. */
  finish(index: Index): Promise<Blob | null>;
}

const MEMORY = 512 * 2 ** 20; // bytes; browsers put large blobs on the disk, but not all do

export async function openFile(order: Order, upload: string, size: number): Promise<Shelf> {
  if (order.saveTo) return chosenFile(order.saveTo);
  const vault = order.keep ? await Vault.create(upload, size) : null;
  if (vault) {
    return {
      vault,
      write: (bytes) => vault.write(bytes, size),
      async finish(index) {
        await vault.finish(index);
        return vault.sealed;
      },
    };
  }
  if (size > MEMORY) throw new Fault("report.too_large_to_save", [MEMORY]);
  return inMemory();
}

async function chosenFile(handle: FileSystemFileHandle): Promise<Shelf> {
  const out = await handle.createWritable();
  return {
    write: (bytes) => out.write(bytes),
    async finish() {
      await out.close();
      return null;
    },
  };
}

function inMemory(): Shelf {
  let blob = new Blob([]);
  let parts: Bytes[] = [];
  return {
    write(bytes) {
      if (parts.push(bytes) === 64) {
        blob = new Blob([blob, ...parts]); // lets the browser move them out of the page's memory
        parts = [];
      }
      return Promise.resolve();
    },
    finish: () => Promise.resolve(new Blob([blob, ...parts])),
  };
}
