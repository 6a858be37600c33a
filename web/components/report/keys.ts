/**
 * The keys of a receipt, made once: while the person writes it down, so that nobody waits for them afterwards where scripts
 * are not compiled. In a worker only; it hears nothing meanwhile.
 */
import { derive, type Keys } from "../../lib/derive.js";

const STEP = 10; // percent between two words on how far it is

let last: { receipt: string; keys: Promise<Keys> } | undefined;

export function keysOf(receipt: Uint8Array<ArrayBuffer>, tell: (percent: number) => void): Promise<Keys> {
  const name = receipt.join();
  let told = 0;
  const progress = (part: number) => {
    const percent = Math.floor((part * 100) / STEP) * STEP;
    if (percent > told) tell((told = percent));
  };
  if (last?.receipt !== name) {
    last = { receipt: name, keys: derive(receipt, progress) };
    last.keys.catch(forgetKeys);
  }
  return last.keys;
}

export function forgetKeys(): void {
  last = undefined;
}
