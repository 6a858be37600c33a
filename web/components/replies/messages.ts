/** What the replies page and its worker say to each other. */

export type Ask = { do: "fetch"; receipt: Uint8Array<ArrayBuffer> } | { do: "now" } | { do: "lost" };

export type Told =
  | { say: "deriving"; percent: number }
  | { say: "fetching"; done: number; of: number }
  | { say: "up" }
  | { say: "waiting"; why: "unreachable" | "full" | "busy"; retryAt: number }
  | { say: "found"; texts: string[]; damaged: number }
  | { say: "failed"; key: string; args: readonly (string | number)[] };
