/** Fetches the script of the look when the first person wants to look: a slow phone does not wait for it before it can seal. */
import type { Door } from "../../lib/look/door.js";
import { $ } from "./dom.js";

let opened: Promise<Door> | undefined;

/** The look, or an error if its script did not come; the next call asks again. */
export function lookDoor(): Promise<Door> {
  opened ??= new Promise<Door>((done, fail) => {
    const script = document.createElement("script");
    script.src = $("page").dataset["look"]!;
    script.integrity = $("page").dataset["lookIntegrity"]!;
    script.onload = () => done((globalThis as unknown as { kuaLook: Door }).kuaLook);
    script.onerror = () => {
      opened = undefined;
      script.remove();
      fail(new Error("the look's script did not come"));
    };
    document.head.append(script);
  });
  return opened;
}
