/** The worker that does a form's work, part by part, and tells each number. */
import { part, PARTS } from "../../lib/work.js";

const port = self as unknown as { postMessage(done: number): void; onmessage: ((e: MessageEvent<{ challenge: string; bits: number }>) => void) | null };

port.onmessage = ({ data }) => {
  for (let i = 0; i < PARTS; i++) port.postMessage(part(data.challenge, i, data.bits));
};
