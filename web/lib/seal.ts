/** Encrypts to the people of a charter, and can do nothing else. */
import { Encrypter } from "age-encryption";
import { Fault } from "./fault.js";
import type { Kind } from "./recipient.js";

export type { Kind };

/**
 * The kind that all recipients share. It refuses none, one it cannot read, and a
 * mix: the library would take it, and a single recipient of the old kind takes
 * the post-quantum strength from all the others.
 */
export function kindOf(recipients: readonly string[]): Kind {
  let first: Kind | undefined;
  recipients.forEach((r, i) => {
    const kind = oneKind(r);
    if (!kind) throw new Fault("seal.recipient", [i + 1]);
    first ??= kind;
    if (kind !== first) throw new Fault("seal.mixed_recipients");
  });
  if (!first) throw new Fault("seal.no_recipients");
  return first;
}

function oneKind(recipient: string): Kind | undefined {
  const kind: Kind | undefined = /^age1pq1[a-z0-9]{1952}$/.test(recipient) ? "hybrid" : /^age1[a-z0-9]{58}$/.test(recipient) ? "x25519" : undefined;
  if (!kind) return undefined;
  try {
    new Encrypter().addRecipient(recipient); // checks the letters and their sum
  } catch {
    return undefined;
  }
  return kind;
}

export interface Sealed {
  /** The age file, made as it is read: a slow reader slows the sealing down. */
  stream: ReadableStream<Uint8Array>;
  /** The age file's exact size. */
  size: number;
}

/** Seals plain bytes of a known size to every recipient. */
export async function seal(plain: AsyncIterator<Uint8Array>, plainSize: number, recipients: readonly string[]): Promise<Sealed> {
  kindOf(recipients);
  const encrypter = new Encrypter();
  for (const r of recipients) encrypter.addRecipient(r);
  const source = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await plain.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await plain.return?.();
      },
    },
    { highWaterMark: 1 },
  );
  const stream = await encrypter.encrypt(source);
  return { stream, size: stream.size(plainSize) };
}
