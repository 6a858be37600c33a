import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8, type Bytes } from "./bytes.js";

/** SHA-256 in lower-case hex, by the browser's own code where it has it. */
export async function hashOf(bytes: Bytes): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle) return hex(new Uint8Array(await subtle.digest("SHA-256", bytes)));
  return hex(sha256(bytes));
}

/** The same at once, for short texts. */
export function hashText(text: string): string {
  return hex(sha256(utf8(text)));
}
