/** Finds and opens the replies to one receipt among the slots of a mailbox. */
import { Decrypter } from "age-encryption";
import { textOf, type Bytes } from "./bytes.js";
import { prefixOf, type Keys } from "./derive.js";
import type { Link } from "./link.js";
import type { NodeClient } from "./node.js";

export interface Replies {
  /** The texts, in the order in which the node got them. */
  texts: string[];
  /** Replies that are for this receipt but cannot be read. */
  damaged: number;
}

/** Fetches every page under the mailbox's prefix, so that the node learns two letters of 32, and tries each slot. */
export async function fetchReplies(link: Link, client: NodeClient, keys: Keys, progress: (done: number, of: number) => void): Promise<Replies> {
  const found: Replies = { texts: [], damaged: 0 };
  for (let page = 0, pages = 1; page < pages; page++) {
    const got = await link.attempt((signal) => client.mailbox(prefixOf(keys.mailbox), page, signal));
    pages = got.pages;
    for (const slot of got.slots) {
      const reply = await openReply(slot, keys.identity);
      if (reply === "damaged") found.damaged++;
      else if (reply !== "not mine") found.texts.push(reply.text);
    }
    progress(page + 1, pages);
  }
  return found;
}

/** Opens one slot: most are for others, or for nobody. */
export async function openReply(slot: Bytes, identity: string): Promise<{ text: string } | "not mine" | "damaged"> {
  const d = new Decrypter();
  d.addIdentity(identity);
  try {
    await d.decryptHeader(headerOf(slot));
  } catch {
    return "not mine";
  }
  try {
    const plain = await d.decrypt(slot);
    let length = plain.length;
    while (length > 0 && plain[length - 1] === 0) length--; // the padding
    return { text: textOf(plain.subarray(0, length)) };
  } catch {
    return "damaged";
  }
}

/** The header of an age file: everything up to the end of the line that begins with "---". */
function headerOf(file: Bytes): Bytes {
  const dash = "-".charCodeAt(0);
  for (let line = 0; ; ) {
    const next = file.indexOf(10, line) + 1;
    if (next === 0) throw new Error("no age header");
    if (file[line] === dash && file[line + 1] === dash && file[line + 2] === dash) return file.slice(0, next);
    line = next;
  }
}
