/**
 * What a look at a file found, for the eyes of the person who attached it. The
 * groups are those of Go's package trace, so that page and desk call a thing
 * the same; the look itself is smaller, and says where it ends.
 */

/** What a fact is about, in the order in which a person reads: what leads to somebody first. */
export const KINDS = ["place", "track", "serial", "person", "device", "time", "preview", "provenance", "history", "software", "text", "leftover", "encoding"] as const;
export type Kind = (typeof KINDS)[number];

/** What a fact is called: the end of a key below "report.look.name.". */
export const NAMES = [
  "position", "place_name", "telemetry", "free_gps", "make", "model", "lens", "device_name", "serial", "lens_serial", "id", "maker_note",
  "author", "owner", "taken", "changed", "clock", "timecode", "thumbnail", "second", "motion", "cover", "c2pa", "proofmode", "hidden", "edit", "earlier_name",
  "program", "title", "comment", "words", "subtitles", "file_name", "behind", "unused", "unknown", "profile", "handler", "compressor",
] as const;
export type Name = (typeof NAMES)[number];

export interface Fact {
  kind: Kind;
  name: Name;
  /** As text; empty where there is nothing to read. */
  value: string;
  /** How much of the file it takes, where that says more than the value. */
  bytes?: number;
}

/** Why a part was not read: the end of a key below "trace.gap.". */
export type Why = "broken" | "encrypted" | "unknown" | "too_large" | "too_many" | "too_deep";

const FACTS = 300;
const VALUE = 240; // characters

export class Sheet {
  /** The format that was recognised; empty if none was, and nothing was read. */
  format = "";
  readonly facts: Fact[] = [];
  readonly gaps = new Set<Why>();
  /** Pixels as they lie in the file and how they are to be turned (EXIF), where a photo says so. */
  width = 0;
  height = 0;
  private readonly seen = new Set<string>();

  /** Adds a fact once. Without a value it is kept only if it has bytes. */
  add(kind: Kind, name: Name, value: string, bytes?: number): void {
    const text = clip(value);
    if (text === "" && bytes === undefined) return;
    const key = `${kind} ${name} ${text} ${bytes ?? ""}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    if (this.facts.length >= FACTS) this.gaps.add("too_many");
    else this.facts.push(bytes === undefined ? { kind, name, value: text } : { kind, name, value: text, bytes });
  }

  position(latitude: number, longitude: number): void {
    if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) || (latitude === 0 && longitude === 0)) return;
    this.add("place", "position", `${latitude.toFixed(6)}, ${longitude.toFixed(6)}`);
  }

  /** Whether nothing is left to tell and nothing was left unread. */
  get clean(): boolean {
    return this.format !== "" && this.facts.length === 0 && this.gaps.size === 0;
  }
}

/** A value on one line: no control characters, nothing that turns the direction of writing. */
function clip(value: string): string {
  const line = value.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffd]+/g, "").trim();
  const letters = Array.from(line);
  return letters.length > VALUE ? letters.slice(0, VALUE).join("") + "…" : line;
}
