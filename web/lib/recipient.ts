/** What kind an age recipient is, by its spelling and its sum: all that a charter is checked for. Package seal tries it for real. */
import { bech32 } from "@scure/base";

export type Kind = "hybrid" | "x25519";

const SIZES: Record<string, { kind: Kind; bytes: number }> = {
  age1pq: { kind: "hybrid", bytes: 1216 }, // ML-KEM-768 and X25519
  age: { kind: "x25519", bytes: 32 },
};

export function recipientKind(recipient: string): Kind | undefined {
  if (recipient !== recipient.toLowerCase()) return undefined;
  try {
    const { prefix, words } = bech32.decode(recipient as `${string}1${string}`, false);
    const size = SIZES[prefix];
    return size && bech32.fromWords(words).length === size.bytes ? size.kind : undefined;
  } catch {
    return undefined;
  }
}
