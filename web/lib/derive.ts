import { expand } from "@noble/hashes/hkdf.js";
import { scrypt } from "@noble/hashes/scrypt.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bech32 } from "@scure/base";
import { identityToRecipient } from "age-encryption";
import { hex, utf8 } from "./bytes.js";
import type { Receipt } from "./receipt.js";

/** Everything that a receipt opens. identity is a secret; the rest goes to the desk inside the sealed report. */
export interface Keys {
  identity: string; // AGE-SECRET-KEY-PQ-1…, opens replies
  recipient: string; // age1pq1…, replies are sealed to it
  mailbox: string; // 32 hex characters
  blind: string; // 64 hex characters
}

/**
 * Stretches the receipt (scrypt, 32 MiB) and expands it (HKDF) as spec/receipt.md says. Takes a second or more on a phone, and
 * minutes where scripts are not compiled (Tor Browser's level "safer"): progress is told how far it is, from 0 to 1.
 */
export async function derive(r: Receipt, progress?: (part: number) => void): Promise<Keys> {
  const master = scrypt(r, utf8("kua receipt 1"), { N: 1 << 15, r: 8, p: 1, dkLen: 32, ...(progress ? { onProgress: progress } : {}) });
  const part = (name: string, length: number) => expand(sha256, master, utf8("kua receipt 1 " + name), length);
  const identity = bech32.encodeFromBytes("AGE-SECRET-KEY-PQ-", part("reply", 32)).toUpperCase();
  return {
    identity,
    recipient: await identityToRecipient(identity),
    mailbox: hex(part("mailbox", 16)),
    blind: hex(part("blind", 32)),
  };
}

/** What a node is ever told of a mailbox: the first two characters of its name. */
export function prefixOf(mailbox: string): string {
  return mailbox.slice(0, 2);
}
