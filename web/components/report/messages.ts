/** What the page and its worker say to each other. */
import type { Acknowledgement } from "../../lib/node.js";
import type { Story } from "../../lib/report.js";

/** A report to seal, and what to do with it. */
export interface Order {
  story: Story;
  files: readonly File[];
  /** Of which files something was taken out. */
  cleaned: readonly boolean[];
  receipt: Uint8Array<ArrayBuffer>;
  /** Send it to the node; otherwise it is only sealed, to be saved. */
  send: boolean;
  /** Keep the sealed file on the device while it is sent, where the browser can. */
  keep: boolean;
  /** Where the person chose to save it, in browsers that let one choose. */
  saveTo?: FileSystemFileHandle | undefined;
}

export type Ask =
  | { do: "prepare"; charter: string; byHand: boolean } // byHand: a courier's folder takes what is sent
  | { do: "receipt"; receipt: Uint8Array<ArrayBuffer> } // it is shown now, and will be needed
  | { do: "seal"; order: Order }
  | { do: "resume"; upload: string }
  | { do: "again" }
  | { do: "erase" }
  | { do: "now" }
  | { do: "lost" };

export type Stage = "preparing" | "deriving" | "sealing" | "sending" | "committing" | "sealed";

export type Told =
  | { say: "left"; uploads: { upload: string; size: number }[]; broken: number; busy: boolean }
  | { say: "stage"; stage: Stage; keeping: boolean }
  | { say: "deriving"; percent: number }
  | { say: "progress"; sealed: number; held: number; total: number }
  | { say: "up" }
  | { say: "let go" } // the node lacks what it held before, and is brought it again
  | { say: "waiting"; why: "unreachable" | "full" | "busy"; retryAt: number }
  | { say: "kept"; file: Blob | null } // the whole sealed file; null: it is where the person chose
  | { say: "done"; ack: Acknowledgement }
  | { say: "failed"; key: string; args: readonly (string | number)[] }
  | { say: "erased" };
