/** The log's signed head and what hangs on it: C2SP tlog-checkpoint in a signed note, inclusion proofs of RFC 6962. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Log } from "./charter.js";
import { base64, concat, fromBase64, hex, utf8, type Bytes } from "./bytes.js";
import { Fault } from "./fault.js";

export interface Checkpoint {
  origin: string;
  size: number;
  root: Bytes;
}

const MAX_NOTE = 64 << 10;
const MAX_SIZE = 2 ** 40;

/** Reads a note and checks the log's own signature and origin. key is the verifier key: name+hash+base64. Signatures by others are not looked at. */
export function parseCheckpoint(note: string, origin: string, key: string): Checkpoint {
  const bad = () => new Fault("tlog.checkpoint");
  const cut = note.lastIndexOf("\n\n");
  if (utf8(note).length > MAX_NOTE || cut < 0 || !note.endsWith("\n")) throw bad();
  const text = note.slice(0, cut + 1);
  const verifier = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(key);
  const raw = verifier && fromBase64(verifier[3]!);
  if (!verifier || raw?.length !== 33 || verifier[1] !== origin) throw bad();
  const signed = note
    .slice(cut + 2, -1)
    .split("\n")
    .some((line) => signs(line, verifier[1]!, verifier[2]!, raw.subarray(1), text));
  const lines = text.slice(0, -1).split("\n");
  const root = fromBase64(lines[2] ?? "");
  const size = Number(lines[1]);
  if (!signed || lines.length !== 3 || lines[0] !== origin || !/^(0|[1-9][0-9]{0,12})$/.test(lines[1] ?? "") || size > MAX_SIZE || root?.length !== 32) throw bad();
  return { origin, size, root };
}

/**
 * Reads the note that lies beside a charter: signed with the key that this charter names, and no shorter than what the keys
 * before it left. An edition is logged after its charter, so no honest one stands under an earlier key.
 */
export function parseByLog(note: string, log: Log): Checkpoint {
  const past = log.past ?? [];
  const last = past[past.length - 1];
  const present = readNote(note, log.origin, log.key);
  if (present) {
    if (last && (present.size < last.size || (present.size === last.size && hex(present.root) !== last.root))) throw new Fault("tlog.not_continued", [last.size]);
    return present;
  }
  for (const p of past) {
    const old = readNote(note, log.origin, p.key);
    if (!old) continue;
    if (old.size > p.size || (old.size === p.size && hex(old.root) !== p.root)) throw new Fault("tlog.struck_key", [old.size, p.size]);
    throw new Fault("tlog.earlier_key", [old.size]);
  }
  throw new Fault("tlog.checkpoint");
}

function readNote(note: string, origin: string, key: string): Checkpoint | null {
  try {
    return parseCheckpoint(note, origin, key);
  } catch (err) {
    if (err instanceof Fault && err.key === "tlog.checkpoint") return null;
    throw err;
  }
}

/** Whether a line "— name base64(hash, signature)" is the key's good signature over text. */
function signs(line: string, name: string, hash: string, key: Uint8Array, text: string): boolean {
  const m = /^— (\S+) (\S+)$/.exec(line);
  const sig = m && m[1] === name ? fromBase64(m[2]!) : null;
  if (sig?.length !== 68 || hex(sig.subarray(0, 4)) !== hash) return false;
  try {
    return ed25519.verify(sig.subarray(4), utf8(text), key, { zip215: false });
  } catch {
    return false;
  }
}

/** Checks that the entry at index hashes up to the root by these hashes (RFC 9162, 2.1.3.2). */
export function checkIncluded(cp: Checkpoint, index: number, entry: string, hashes: readonly string[]): void {
  const bad = () => new Fault("tlog.not_included", [index]);
  if (!Number.isSafeInteger(index) || index < 0 || index >= cp.size || hashes.length > 64) throw bad();
  let fn = index;
  let sn = cp.size - 1;
  let r: Uint8Array = sha256(concat(Uint8Array.of(0), utf8(entry)));
  for (const h of hashes) {
    const p = fromBase64(h);
    if (p?.length !== 32 || sn === 0) throw bad();
    if (fn % 2 === 1 || fn === sn) {
      r = node(p, r);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = Math.floor(sn / 2);
      }
    } else {
      r = node(r, p);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0 || base64(r) !== base64(cp.root)) throw bad();
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(1), left, right));
}
