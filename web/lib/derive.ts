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

/** Stretches the receipt (scrypt, 32 MiB) and expands it (HKDF) as spec/receipt.md says. Takes a second or more on a phone. */
export async function derive(r: Receipt): Promise<Keys> {
  const master = scrypt(r, utf8("kua receipt 1"), { N: 1 << 15, r: 8, p: 1, dkLen: 32 });
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
