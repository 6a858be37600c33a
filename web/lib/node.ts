/** The wire to a node (spec/node-api.md), as far as a witness needs it. */
import { textOf, type Bytes } from "./bytes.js";
import { parseCanonical, type JSONValue } from "./canon.js";
import { signedBy, type Signed } from "./charter.js";
import { Fault } from "./fault.js";
import { indexText, parcelID, PIECE, type Index } from "./index.js";
import { Refusal, Unreachable } from "./link.js";

export interface NodeInfo {
  key: string;
  charter: string;
  parcelBytes: number;
  accepting: boolean;
}

/** The node's signed word that it durably holds a parcel. */
export interface Acknowledgement {
  parcel: string;
  size: number;
  pieces: number;
  day: string;
  node: string;
  /** The exact signed text and the signature, for whoever wants to check it later. */
  document: string;
  signature: string;
}

/** What a node durably holds of a piece. */
export interface Held {
  at: number;
  complete: boolean;
}

/** The pieces that a commit found missing. */
export class PiecesMissing extends Fault {
  constructor(readonly missing: string[]) {
    super("nodeapi.pieces_missing", [missing.length]);
  }
}

export const SLOTS = 8;
export const SLOT_BYTES = 8192;

/** A whole answer: nothing of it is still on its way. */
interface Answer {
  url: string;
  status: number;
  headers: Headers;
  bytes: Bytes;
}

type Members = { [name: string]: JSONValue | undefined };

/** Calls one node, at the page's own origin unless told otherwise; a worker that came from a blob must name it. Makes each call once; Link makes it again. */
export class NodeClient {
  constructor(private readonly base = "") {}

  async info(signal: AbortSignal): Promise<NodeInfo> {
    const v = await this.json("/node", signal);
    if (v["kind"] !== "kua node" || typeof v["key"] !== "string" || typeof v["charter"] !== "string") throw notUnderstood();
    return { key: v["key"], charter: v["charter"], parcelBytes: Number(v["parcel_bytes"]), accepting: v["accepting"] === true };
  }

  /** The charter's chain as it came: verifyChain says whether it may be believed. */
  async chain(signal: AbortSignal): Promise<Signed[]> {
    const { chain } = await this.json("/charter", signal);
    if (!Array.isArray(chain)) throw notUnderstood();
    return chain.map((s) => {
      const { document, signatures } = members(s);
      if (typeof document !== "string") throw notUnderstood();
      return { document, signatures: members(signatures) as Record<string, string> };
    });
  }

  /** The pieces of an upload that the node durably holds, and how much of those that it has in part, by its signature; letGo says that it held more before, which is its word alone. */
  async have(upload: string, key: string, signal: AbortSignal): Promise<{ whole: Set<string>; parts: Map<string, number>; letGo: boolean }> {
    const answer = await this.call("GET", `/uploads/${upload}`, signal);
    const { doc } = signed(answer, key);
    if (doc["kind"] !== "kua have" || doc["upload"] !== upload || !Array.isArray(doc["pieces"])) throw notUnderstood();
    const parts = Object.entries(members(doc["parts"] ?? {})).filter((p): p is [string, number] => Number.isInteger(p[1]));
    return { whole: new Set(doc["pieces"].filter((p) => typeof p === "string")), parts: new Map(parts), letGo: answer.headers.get("Kua-Let-Go") === "?1" };
  }

  /** Brings one piece; returns when the node durably holds it. */
  async put(upload: string, hash: string, piece: Bytes, signal: AbortSignal): Promise<void> {
    await this.call("PUT", `/uploads/${upload}/pieces/${hash}`, signal, piece, "application/octet-stream");
  }

  /** How much of a piece the node durably holds. What was still on its way there is ended by asking. */
  async offset(upload: string, hash: string, signal: AbortSignal): Promise<Held> {
    return held(await this.call("HEAD", `/uploads/${upload}/pieces/${hash}`, signal));
  }

  /** Adds bytes to a piece where what the node holds of it ends; last says that the piece ends with them. */
  async append(upload: string, hash: string, at: number, bytes: Bytes, last: boolean, signal: AbortSignal): Promise<Held> {
    const more = { "Upload-Offset": String(at), "Upload-Complete": last ? "?1" : "?0" };
    return held(await this.call("PATCH", `/uploads/${upload}/pieces/${hash}`, signal, bytes, "application/partial-upload", undefined, more));
  }

  /** Brings a parcel that is one piece, and has the node sign for it, in one call. */
  async putWhole(upload: string, index: Index, bytes: Bytes, key: string, signal: AbortSignal): Promise<Acknowledgement> {
    return acknowledged(await this.call("PUT", `/uploads/${upload}/whole/${index.pieces[0]}`, signal, bytes, "application/octet-stream"), index, key);
  }

  /** Asks the node to sign for the whole parcel. Throws PiecesMissing when it lacks some. */
  async commit(upload: string, index: Index, key: string, signal: AbortSignal): Promise<Acknowledgement> {
    const answer = await this.call("POST", `/uploads/${upload}/commit`, signal, indexText(index), "text/plain; charset=utf-8", 409);
    if (answer.status === 409) {
      const { missing } = parse(answer);
      if (!Array.isArray(missing)) throw refusal(answer);
      throw new PiecesMissing(missing.filter((p) => typeof p === "string"));
    }
    return acknowledged(answer, index, key);
  }

  /** One page of the mailboxes under a prefix: always the same number of slots of one size. */
  async mailbox(prefix: string, page: number, signal: AbortSignal): Promise<{ slots: Bytes[]; pages: number }> {
    const { bytes, headers } = await this.call("GET", `/mailboxes/${prefix}?page=${page}`, signal);
    const pages = Number(headers.get("Kua-Pages"));
    if (bytes.length !== SLOTS * SLOT_BYTES || !Number.isInteger(pages) || pages < 1 || pages > 1024) throw notUnderstood();
    const slots = Array.from({ length: SLOTS }, (_, i) => bytes.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES));
    return { slots, pages };
  }

  private async json(path: string, signal: AbortSignal): Promise<Members> {
    return parse(await this.call("GET", path, signal));
  }

  /** Makes the call. No cookie, referrer or cache goes with it, and no redirect is followed. */
  private async call(method: string, path: string, signal: AbortSignal, body?: Bytes | string, type?: string, alsoTake?: number, more?: Record<string, string>): Promise<Answer> {
    const init: RequestInit = {
      method, signal, cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer", mode: "same-origin",
    };
    if (this.base !== "" && this.base !== globalThis.location?.origin) init.mode = "cors";
    if (body !== undefined) init.body = body;
    if (type) init.headers = { "Content-Type": type, ...more };
    const answer = await whole(`${this.base}/api/v1${path}`, init);
    if (Math.floor(answer.status / 100) === 2 || answer.status === alsoTake) return answer;
    throw refusal(answer);
  }
}

/** Reads the node's word for a parcel and holds it against the index. */
function acknowledged(answer: Answer, index: Index, key: string): Acknowledgement {
  const { doc, document, signature } = signed(answer, key);
  const ack = { parcel: doc["parcel"], size: doc["size"], pieces: doc["pieces"], day: doc["day"], node: doc["node"], document, signature };
  const fits = doc["kind"] === "kua acknowledgement" && ack.parcel === parcelID(index) && ack.size === index.size && ack.pieces === index.pieces.length;
  if (!fits || typeof ack.day !== "string" || typeof ack.node !== "string") throw notUnderstood();
  return ack as Acknowledgement;
}

function held(answer: Answer): Held {
  const at = Number(answer.headers.get("Upload-Offset") ?? NaN);
  if (!Number.isInteger(at) || at < 0 || at > PIECE) throw notUnderstood();
  return { at, complete: answer.headers.get("Upload-Complete") === "?1" };
}

/** Fetches an answer with its body. Every failure to do so is one of the link. */
async function whole(url: string, init: RequestInit): Promise<Answer> {
  try {
    const answer = await fetch(url, init);
    return { url: answer.url, status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) };
  } catch (err) {
    throw new Unreachable(String(err));
  }
}

/** Reads a document that the node has signed. */
function signed(answer: Answer, key: string): { doc: Members; document: string; signature: string } {
  const { document, signature } = parse(answer);
  if (typeof document !== "string" || typeof signature !== "string") throw notUnderstood();
  if (!signedBy(key, document, signature)) throw new Fault("nodeapi.bad_signature");
  return { doc: members(parseCanonical(document)), document, signature };
}

function refusal(answer: Answer): Fault {
  const seconds = Number(answer.headers.get("Retry-After"));
  const after = seconds > 0 ? seconds : undefined;
  let err: Members = {};
  try {
    err = members(parse(answer)["error"]);
  } catch {
    // Not the node's own words: some server on the way speaks.
  }
  const key = err["key"];
  if (typeof key !== "string") return new Refusal("nodeapi.not_a_node", [hostOf(answer), answer.status], answer.status, after);
  const args = Array.isArray(err["args"]) ? err["args"].filter((a) => typeof a === "string" || typeof a === "number") : [];
  return new Refusal(key, args, answer.status, after);
}

function parse(answer: Answer): Members {
  try {
    return members(JSON.parse(textOf(answer.bytes)) as JSONValue);
  } catch (err) {
    throw new Fault("nodeapi.not_understood", [], err);
  }
}

function members(v: JSONValue | undefined): Members {
  if (v === null || typeof v !== "object" || Array.isArray(v)) throw notUnderstood();
  return v;
}

function notUnderstood(): Fault {
  return new Fault("nodeapi.not_understood");
}

function hostOf(answer: Answer): string {
  try {
    return new URL(answer.url).host;
  } catch {
    return "";
  }
}
