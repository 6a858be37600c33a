/** report.json of spec/parcel.md: what a witness tells. The same rules are in Go's package parcel. */
import { canonical, type JSONValue } from "./canon.js";
import { Fault } from "./fault.js";
import { utf8 } from "./bytes.js";

export const WHATS = ["bribe", "beating", "shooting", "detention", "threat", "abuse", "corruption", "question"] as const;

/** The most that a report holds: bytes of UTF-8, and files. */
export const LIMITS = { report: 256 << 10, text: 100_000, words: 2_000, fear: 20_000, name: 255, files: 200, parcel: 32 * 2 ** 30 };

export interface Consent {
  face: boolean;
  voice: boolean;
  place: boolean;
}

export interface Point {
  lat: number;
  lon: number;
}

/** What the witness filled in. */
export interface Story {
  what: string;
  text: string;
  when: string;
  where: string;
  point?: Point | undefined;
  consent: Consent;
  fear: string;
  language: string;
}

/** What the receipt adds, so that the desk can answer. */
export interface ReplyTo {
  reply: string;
  mailbox: string;
  blind: string;
}

export interface ReportFile {
  path: string;
  name: string;
  type: string;
  size: number;
  /** The witness had taken out of it what it told of them; never false. */
  cleaned?: true;
}

/** The day as the person's own calendar has it: 2006-01-02. */
export function dayOf(now: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** Gives every attachment its neutral path and a name and type that a report may hold. */
export function describe(files: readonly { name: string; type: string; size: number; cleaned?: boolean }[]): ReportFile[] {
  return files.map((f, i) => ({
    path: `data/files/${i + 1}${neutralExt(f.name)}`,
    name: clipName(f.name) || `${i + 1}`,
    type: mediaType(f.type),
    size: f.size,
    ...(f.cleaned ? { cleaned: true as const } : {}),
  }));
}

function neutralExt(name: string): string {
  const ext = /\.([^.]*)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return /^[a-z0-9]{1,8}$/.test(ext) ? "." + ext : ".bin";
}

function mediaType(type: string): string {
  const bare = (type.split(";")[0] ?? "").trim().toLowerCase();
  return /^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$/.test(bare) ? bare : "application/octet-stream";
}

/** Cuts a name that is too long in its middle, so that its end stays. */
function clipName(name: string): string {
  let letters = [...name.replace(/\0/g, "")].map((c) => (/^[\uD800-\uDFFF]$/.test(c) ? "\uFFFD" : c));
  if (utf8(letters.join("")).length <= LIMITS.name) return letters.join("");
  const tail = letters.slice(-12);
  letters = letters.slice(0, -12);
  while (utf8([...letters, "…", ...tail].join("")).length > LIMITS.name) letters.pop();
  return [...letters, "…", ...tail].join("");
}

/** The exact bytes of report.json. Refuses what no reader would take, with the fault that names the member. */
export function reportBytes(story: Story, replyTo: ReplyTo, files: readonly ReportFile[], written: string): Uint8Array<ArrayBuffer> {
  validate(story, files);
  const { what, consent, language, point } = story;
  const doc: { [name: string]: JSONValue | undefined } = {
    kind: "kua report",
    what,
    text: story.text || undefined,
    when: story.when || undefined,
    where: story.where || undefined,
    point: point && { lat: point.lat, lon: point.lon },
    consent: { face: consent.face, voice: consent.voice, place: consent.place },
    fear: story.fear || undefined,
    language,
    reply: replyTo.reply,
    mailbox: replyTo.mailbox,
    blind: replyTo.blind,
    files: files.length > 0 ? files.map((f) => ({ path: f.path, name: f.name, type: f.type, size: f.size, cleaned: f.cleaned })) : undefined,
    written,
  };
  const bytes = utf8(canonical(doc));
  if (bytes.length > LIMITS.report) throw new Fault("parcel.report_too_large", [LIMITS.report]);
  return bytes;
}

/** Checks what a person filled in. */
export function validate(story: Story, files: readonly { size: number }[]): void {
  if (!(WHATS as readonly string[]).includes(story.what)) throw new Fault("parcel.what", [story.what]);
  if (story.text.trim() === "" && files.length === 0) throw new Fault("parcel.empty_report");
  if (files.length > LIMITS.files) throw new Fault("parcel.too_many_files", [LIMITS.files]);
  const texts: [string, string, number][] = [
    ["text", story.text, LIMITS.text],
    ["when", story.when, LIMITS.words],
    ["where", story.where, LIMITS.words],
    ["fear", story.fear, LIMITS.fear],
  ];
  for (const [member, text, limit] of texts) {
    if (utf8(text).length > limit) throw new Fault("parcel.text_too_long", [member, limit]);
    if (text.includes("\0")) throw new Fault("parcel.member", [member]);
  }
  const p = story.point;
  if (p && !(Math.abs(p.lat) <= 90 && Math.abs(p.lon) <= 180)) throw new Fault("parcel.member", ["point"]);
}
