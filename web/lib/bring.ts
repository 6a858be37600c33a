/**
 * Brings what a page needs over a link that may freeze: what does not come whole is
 * asked for in parts, each of which fits into what such a link lets pass. On a good
 * link nothing is asked for twice.
 */
import type { Bytes } from "./bytes.js";

/** A script that is built in parts as well: how many, and the SHA-256 of the whole. */
export interface Parts {
  count: number;
  sha256: string;
}

export interface Road {
  fetch(url: string, init: RequestInit): Promise<Response>;
  after(ms: number, f: () => void): () => void;
}

const STALLED = 4_000; // ms without a byte of what is asked for whole
const PATIENCE = 20_000; // ms without a byte of a part
const LANES = 3;
const LONGEST_PAUSE = 15_000;

const browser: Road = {
  fetch: (url, init) => fetch(url, init),
  after: (ms, f) => {
    const timer = setTimeout(f, ms);
    return () => clearTimeout(timer);
  },
};

/** The bytes at an address; it asks until they come. */
export async function bring(url: string, road = browser): Promise<Bytes> {
  for (let pause = 500; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
    try {
      return await once(url, PATIENCE, road);
    } catch {
      await new Promise<void>((done) => road.after(pause, done));
    }
  }
}

/** The bytes of a script: whole if they come, else in parts. They are what the build made, or it asks again. */
export async function bringScript(url: string, parts: Parts, road = browser): Promise<Bytes> {
  const whole = await once(url, STALLED, road).catch(() => undefined);
  if (whole && (await sha256(whole)) === parts.sha256) return whole;
  for (let pause = 1000; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
    const all = joined(await inLanes(parts.count, (n) => bring(partOf(url, n), road)));
    if ((await sha256(all)) === parts.sha256) return all;
    await new Promise<void>((done) => road.after(pause, done)); // somebody on the way changes it
  }
}

/** Where part n of a built script lies: /assets/name.HASH.js becomes /assets/name-partN.HASH.js. */
export function partOf(url: string, n: number): string {
  return url.replace(/(\/[^/.]+)(\.[^/]*)$/, `$1-part${n}$2`);
}

async function once(url: string, patience: number, road: Road): Promise<Bytes> {
  const abort = new AbortController();
  let cancel = road.after(patience, () => abort.abort());
  try {
    const answer = await road.fetch(url, { signal: abort.signal, credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" });
    if (!answer.ok || !answer.body) throw new Error(`${url}: ${answer.status}`);
    const reader = answer.body.getReader();
    const got: Bytes[] = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return joined(got);
      got.push(value as Bytes);
      cancel();
      cancel = road.after(patience, () => abort.abort());
    }
  } finally {
    cancel();
  }
}

async function inLanes(count: number, get: (n: number) => Promise<Bytes>): Promise<Bytes[]> {
  const all: Bytes[] = [];
  let next = 0;
  const lane = async () => {
    for (let n = next++; n < count; n = next++) all[n] = await get(n);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return all;
}

function joined(all: readonly Bytes[]): Bytes {
  const out = new Uint8Array(all.reduce((n, b) => n + b.length, 0));
  let at = 0;
  for (const b of all) {
    out.set(b, at);
    at += b.length;
  }
  return out;
}

async function sha256(bytes: Bytes): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");
}
