/** The worker of the replies page: makes the receipt's keys, fetches the mailbox and opens what is for it. */
import { faultOf } from "../../lib/fault.js";
import { Link, Stopped } from "../../lib/link.js";
import { NodeClient } from "../../lib/node.js";
import { fetchReplies } from "../../lib/reply.js";
import { keysOf } from "../report/keys.js";
import type { Ask, Told } from "./messages.js";

const port = self as unknown as { postMessage(told: Told): void; onmessage: ((e: MessageEvent<Ask>) => void) | null };
const tell = (told: Told) => port.postMessage(told);
let link: Link | undefined;

port.onmessage = ({ data }) => {
  if (data.do === "fetch") void look(data.receipt);
  else if (data.do === "now") link?.kick();
  else link?.lost();
};

async function look(receipt: Uint8Array<ArrayBuffer>): Promise<void> {
  link?.stop();
  link = new Link((state) => tell(state.up ? { say: "up" } : { say: "waiting", why: state.why, retryAt: state.retryAt }));
  try {
    tell({ say: "deriving", percent: 0 });
    const keys = await keysOf(receipt, (percent) => tell({ say: "deriving", percent }));
    const { texts, damaged } = await fetchReplies(link, new NodeClient(self.location.origin), keys, (done, of) => tell({ say: "fetching", done, of }));
    tell({ say: "found", texts, damaged });
  } catch (err) {
    if (err instanceof Stopped) return;
    const { key, args } = faultOf(err);
    tell({ say: "failed", key, args });
  }
}
