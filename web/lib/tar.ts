/** Headers of a tar file (POSIX.1-1988 ustar; PAX for 8 GiB and more) with nothing in them but a path and a size. */
import { concat, utf8, type Bytes } from "./bytes.js";

export const BLOCK = 512;
const MAX_USTAR = 2 ** 33 - 1; // the largest size in eleven octal digits

/** The header of a plain file. path is ASCII and at most 100 bytes long. */
export function header(path: string, size: number): Bytes {
  if (size <= MAX_USTAR) return block(path, size, "0");
  const record = paxRecord("size", String(size));
  const slash = path.lastIndexOf("/");
  const paxPath = path.slice(0, slash + 1) + "PaxHeaders.0" + path.slice(slash);
  return concat(block(paxPath, record.length, "x"), record, zeros(padding(record.length)), block(path, 0, "0"));
}

/** The zero bytes that fill a file's last block. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** The two empty blocks that end a tar. */
export function end(): Bytes {
  return zeros(2 * BLOCK);
}

/** What a file of a size takes in the tar. */
export function entrySize(size: number): number {
  return BLOCK + size + padding(size) + (size > MAX_USTAR ? 2 * BLOCK : 0);
}

function zeros(n: number): Bytes {
  return new Uint8Array(n);
}

function block(path: string, size: number, type: "0" | "x"): Bytes {
  const b = zeros(BLOCK);
  const put = (at: number, text: string) => b.set(utf8(text), at);
  if (utf8(path).length > 100) throw new RangeError(`path of ${path.length} letters does not fit a tar header`);
  put(0, path);
  put(100, octal(type === "x" ? 0 : 0o644, 8)); // mode
  put(108, octal(0, 8)); // owner
  put(116, octal(0, 8)); // group
  put(124, octal(size, 12));
  put(136, octal(0, 12)); // time
  put(148, " ".repeat(8)); // check, as spaces while it is summed
  put(156, type);
  put(257, "ustar\u000000");
  if (type === "0") {
    put(329, octal(0, 8)); // device, as Go's archive/tar writes it
    put(337, octal(0, 8));
  }
  const sum = b.reduce((n, v) => n + v, 0);
  put(148, octal(sum, 7) + " ");
  return b;
}

function octal(n: number, width: number): string {
  return n.toString(8).padStart(width - 1, "0") + "\0";
}

/** "27 size=9000000000\n": the length counts itself. */
function paxRecord(name: string, value: string): Bytes {
  const rest = ` ${name}=${value}\n`;
  let length = rest.length + String(rest.length).length;
  if (String(length).length + rest.length !== length) length++;
  return utf8(String(length) + rest);
}
