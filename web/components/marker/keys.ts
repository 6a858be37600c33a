// Which key does what.

/** What the keys do on the picture and on the list of suggestions. */
export const keys: Record<string, string> = {
  " ": "play", ",": "back", ".": "forward", n: "add", k: "point", p: "preview", f: "follow", w: "whole-shot", g: "widen", v: "turn-box", h: "turn-shot",
  s: "split", c: "cover-suggestion", l: "leave-suggestion", j: "next-suggestion", PageUp: "page-back", PageDown: "page-forward", "+": "closer", "-": "further", "0": "whole-film", "?": "help",
};

// What a place on the keyboard means where a Cyrillic layout puts something else.
const places: Record<string, string> = { Comma: ",", Period: ".", Equal: "+", Minus: "-", Digit0: "0" };

/** The name of a key, on a keyboard that writes no Latin letters by its place: Ctrl Я is Ctrl Z. */
export function keyName(e: Pick<KeyboardEvent, "key" | "code">): string {
  if (e.key.length > 1) return e.key;
  if (e.key <= "~") return e.key.toLowerCase();
  return /^Key([A-Z])$/.exec(e.code)?.[1]?.toLowerCase() ?? places[e.code] ?? e.key;
}

/** Says whether a key is meant for a field in which somebody types. */
export function typing(e: KeyboardEvent): boolean {
  const t = e.target;
  return t instanceof HTMLTextAreaElement || t instanceof HTMLSelectElement || (t instanceof HTMLInputElement && !["range", "checkbox", "radio"].includes(t.type));
}

/** The middle of two corners. */
export function between(a: { x: number; y: number }, b: { x: number; y: number }): { x: number; y: number } {
  return { x: Math.round((a.x + b.x) / 2), y: Math.round((a.y + b.y) / 2) };
}
