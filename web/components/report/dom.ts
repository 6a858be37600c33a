/** The page's elements and words, as the server wrote them. */

export function $<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

export function show(id: string, visible: boolean): void {
  $(id).hidden = !visible;
}

/** A new element with a class and a text, either of which may be empty. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/** Moves the focus to what the person should read next. */
export function focusOn(id: string): void {
  $(id).focus();
}

/** The sentence under a key, with {0}, {1}, … filled in; the server wrote all that the page may need. */
export function say(key: string, ...args: readonly (string | number)[]): string {
  const word = $("words").querySelector(`[data-key="${key}"]`);
  const text = word ? word.textContent ?? "" : key;
  return text.replace(/\{(\d)\}/g, (whole, n: string) => String(args[Number(n)] ?? whole));
}

export function knows(key: string): boolean {
  return $("words").querySelector(`[data-key="${key}"]`) !== null;
}

/** A number of bytes for people, in units of a thousand, as the server writes them. */
export function sizeText(bytes: number): string {
  const number = (n: number) => n.toLocaleString(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  if (bytes < 1000) return say("page.size.bytes", bytes);
  if (bytes < 999_500) return say("page.size.kb", Math.round(bytes / 1000));
  if (bytes < 999_500_000) return say("page.size.mb", number(bytes / 1e6));
  return say("page.size.gb", number(bytes / 1e9));
}

/** Faults whose argument is a number of bytes. */
const IN_BYTES = ["report.no_room", "report.too_large", "report.too_large_to_save"];

/** What a person reads of a fault: what is wrong and, where there is one, what to do. */
export function faultText(key: string, args: readonly (string | number)[]): string {
  const told = knows(key) ? key : "page.internal";
  const shown = IN_BYTES.includes(told) ? args.map((a) => sizeText(Number(a))) : args;
  const hint = knows(told + ".hint") ? " " + say(told + ".hint", ...shown) : "";
  return say(told, ...shown) + hint + (told === key ? "" : ` (${key})`);
}

/** Shows a fault in an alert and brings the person to it. */
export function complain(id: string, text: string): void {
  const box = $(id);
  box.textContent = text;
  box.hidden = false;
  box.focus();
}
