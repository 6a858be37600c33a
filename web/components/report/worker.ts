/** The worker of the report page: everything that is secret or slow happens here. */
import { Fault } from "../../lib/fault.js";
import { NodeClient } from "../../lib/node.js";
import { forgetKeys, keysOf } from "./keys.js";
import { failure, Job, type Trusted } from "./job.js";
import type { Ask, Order, Told } from "./messages.js";
import { Vault } from "./vault.js";

const port = self as unknown as { postMessage(told: Told): void; onmessage: ((e: MessageEvent<Ask>) => void) | null };
const tell = (told: Told) => port.postMessage(told);
const client = new NodeClient(self.location.origin);
let pinned = "";
let byHand = false;
let known: Trusted | undefined;
let job: Job | undefined;
let order: Order | undefined;

port.onmessage = ({ data }) => void answer(data);

async function answer(ask: Ask): Promise<void> {
  switch (ask.do) {
    case "prepare":
      pinned = ask.charter;
      byHand = ask.byHand;
      void prefetch();
      return leftovers();
    case "receipt":
      return void keysOf(ask.receipt, (percent) => tell({ say: "deriving", percent }));
    case "seal":
      order = ask.order;
      return begin(ask.order);
    case "resume":
      return begin(ask.upload);
    case "again":
      return begin((await job?.release()) ?? order);
    case "erase":
      return erase();
    case "now":
      return job?.kick();
    case "lost":
      return job?.lost();
  }
}

/** Fetches the charter before it is needed, so that sealing can begin offline too. */
async function prefetch(): Promise<void> {
  try {
    known = await new Job(client, pinned, () => undefined, undefined, byHand).prepare();
  } catch {
    // Said when somebody waits for it: the job then tries by itself.
  }
}

/** Seals a new report or goes on with an upload. What was under way before is erased. */
async function begin(what: Order | string | undefined): Promise<void> {
  await job?.erase();
  const mine = new Job(client, pinned, tell, known, byHand);
  job = mine;
  try {
    if (what === undefined) throw new Fault("report.gone");
    await (typeof what === "string" ? mine.resume(what) : mine.run(what));
  } catch (err) {
    const told = failure(err);
    if (told && job === mine) tell(told);
  }
}

async function erase(): Promise<void> {
  await job?.erase();
  job = order = undefined;
  forgetKeys();
  for (const { upload } of (await Vault.left()).whole) await (await Vault.open(upload)).erase();
  tell({ say: "erased" });
}

async function leftovers(): Promise<void> {
  const { whole, broken, busy } = await Vault.left();
  tell({ say: "left", uploads: whole, broken, busy });
}
