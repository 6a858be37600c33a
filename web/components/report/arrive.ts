/** What the page fetches before it begins: its worker and its words, over a link that may freeze. */
import { bring, bringScript, type Parts } from "../../lib/bring.js";
import { $, element } from "./dom.js";

/** The build writes here which scripts lie in parts too. */
declare const KUA_PARTS: Record<string, Parts>;

/** The worker at an address, which is that of a built script. It may come from a blob: the policy of these pages allows that for workers. */
export async function bringWorker(url: string): Promise<Worker> {
  const parts = KUA_PARTS[/\/([^/.]+)\.[^/]*$/.exec(url)?.[1] ?? ""];
  if (!parts) return new Worker(url);
  const code = new Blob([await bringScript(url, parts)], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(code));
}

/** The sentences that the page may say, from its server. */
export async function bringWords(url: string): Promise<void> {
  const words = JSON.parse(new TextDecoder().decode(await bring(url))) as Record<string, string>;
  for (const [key, text] of Object.entries(words)) {
    const span = element("span", "", text);
    span.dataset["key"] = key;
    $("words").append(span);
  }
}
