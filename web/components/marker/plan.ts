// What is hidden in one original, as internal/redact has it (version 4), read
// from its JSON and written to it again without loss. Nothing here touches the
// page. Times are whole milliseconds, lengths whole pixels of the picture as it
// is shown.

/** Where the upper left corner of a box lies at a moment. */
export interface Point {
  at: number;
  x: number;
  y: number;
}

export interface Corner {
  x: number;
  y: number;
}

/**
 * One box of constant size that moves in straight lines and hides what is under
 * it, or shows it where the picture is hidden. A photo's boxes are tracks of no
 * length, so that there is one kind of mark; the moments of a document are the
 * numbers of its pages.
 */
export interface Track {
  id: string;
  label: string; // what it is about, for the desk's eyes
  w: number;
  h: number;
  from: number;
  to: number;
  points: Point[];
  reveal: boolean;
  startSeen: boolean; // a person looked at what comes before,
  endSeen: boolean; // and after
  source: string; // "tracker", or the suggestion it was made of; "" for a hand
  note: string;
  by: string;
  corners: Corner[]; // of a free shape on a photo, measured from its upper left corner
}

/** A stretch of sound, both ends included. */
export interface Span {
  id: string;
  from: number;
  to: number;
  note: string;
  by: string;
}

/** A stretch of film between two cuts; to is not included. */
export interface Shot {
  id: string;
  from: number;
  to: number;
  covered: boolean;
  by: string; // "" for a cut that a machine found and nobody decided
}

/** What is said, in one or more languages. */
export interface Line {
  id: string;
  from: number;
  to: number;
  words: Record<string, string>;
}

/** What a machine thinks it saw, and what a person answered. */
export interface Suggestion {
  id: string;
  what: "face" | "plate";
  detector: string;
  w: number;
  h: number;
  from: number;
  to: number;
  points: Point[];
  answer: "" | "cover" | "leave";
  note: string;
  by: string;
}

/** What names the plan; only the server changes it. */
export interface Head {
  kind: string;
  version: number;
  original?: string;
  width?: number;
  height?: number;
  duration?: number;
  by?: string;
}

/** The whole plan of one original. */
export interface Plan {
  tracks: Track[];
  covered: boolean; // how the picture begins, where no shot says otherwise
  shots: Shot[];
  suggestions: Suggestion[];
  mutes: Span[];
  keeps: Span[];
  lines: Line[];
  muteAll: boolean;
  speak: string; // the language whose lines a machine says; "" for none
  reviewed: boolean; // a person went through all of it and found nothing more to hide
  note: string;
  head: Head;
}

/** The picture that the plan is for; length is 0 for a photo. Of a document it is the page that is shown. */
export interface Picture {
  width: number;
  height: number;
  length: number; // milliseconds
  rate: number; // frames in a second
  pages?: { w: number; h: number; picture: string }[]; // of a document
  view?: string; // where its pages' pictures are; the page's number comes behind
}

/** The smallest box that can be drawn, in pixels of the picture. */
export const minSide = 8;

/** A plan that says nothing: all is silent and open. */
export const blank: Plan = {
  tracks: [], covered: false, shots: [], suggestions: [], mutes: [], keeps: [], lines: [],
  muteAll: true, speak: "", reviewed: false, note: "", head: { kind: "kua redaction plan", version: 4 },
};

// The document as it stands in JSON: what is empty is not there.
type Bare<T> = { [K in keyof T]?: T[K] };
type WireTrack = Bare<Omit<Track, "startSeen" | "endSeen" | "corners">> & { start_seen?: boolean; end_seen?: boolean };
type WireBox = Bare<Pick<Track, "id" | "label" | "w" | "h" | "reveal" | "source" | "note" | "by" | "corners">> & { x?: number; y?: number; page?: number };
type WireSuggestion = Bare<Suggestion> & { page?: number };

export interface Wire extends Head {
  boxes?: WireBox[];
  covered?: boolean;
  keeps?: Bare<Span>[];
  lines?: Bare<Line>[];
  mute_all?: boolean;
  mutes?: Bare<Span>[];
  note?: string;
  reviewed?: boolean;
  shots?: Bare<Shot>[];
  speak?: string;
  suggestions?: WireSuggestion[];
  tracks?: WireTrack[];
}

/** Reads the document. */
export function read(w: Wire): Plan {
  const { boxes, covered, keeps, lines, mute_all, mutes, note, reviewed, shots, speak, suggestions, tracks, ...head } = w;
  return {
    tracks: [...(tracks ?? []).map(readTrack), ...(boxes ?? []).map(readBox)],
    covered: covered ?? false,
    shots: (shots ?? []).map((s) => ({ id: "", from: 0, to: 0, covered: false, by: "", ...s })),
    suggestions: (suggestions ?? []).map(readSuggestion),
    mutes: (mutes ?? []).map(readSpan),
    keeps: (keeps ?? []).map(readSpan),
    lines: (lines ?? []).map((l) => ({ id: "", from: 0, to: 0, words: {}, ...l })),
    muteAll: mute_all ?? false,
    speak: speak ?? "",
    reviewed: reviewed ?? false,
    note: note ?? "",
    head,
  };
}

function readSuggestion({ page = 0, ...s }: WireSuggestion): Suggestion {
  const own: Suggestion = { id: "", what: "face", detector: "", w: 0, h: 0, from: 0, to: 0, points: [], answer: "", note: "", by: "", ...s };
  return page === 0 ? own : { ...own, from: page, to: page, points: own.points.map((p) => ({ ...p, at: page })) };
}

function writeSuggestion(s: Suggestion, picture: Picture): WireSuggestion {
  const own = picture.pages ? { ...s, page: s.from, from: 0, to: 0, points: s.points.map((p) => ({ ...p, at: 0 })) } : s;
  return bareKeeping<WireSuggestion>("from", "to", "w", "h", "points")(own);
}

function readSpan(s: Bare<Span>): Span {
  return { id: "", from: 0, to: 0, note: "", by: "", ...s };
}

/** Reads one track as the server writes it. */
export function readTrack(t: WireTrack): Track {
  const { start_seen, end_seen, ...rest } = t;
  return { ...bareTrack, points: [], ...rest, startSeen: start_seen ?? false, endSeen: end_seen ?? false };
}

const bareTrack: Track = {
  id: "", label: "", w: 0, h: 0, from: 0, to: 0, points: [], reveal: false, startSeen: false, endSeen: false, source: "", note: "", by: "", corners: [],
};

function readBox(b: WireBox): Track {
  const { x = 0, y = 0, page = 0, corners = [], ...rest } = b;
  return { ...bareTrack, ...rest, from: page, to: page, points: [{ at: page, x, y }], corners: corners.map((c) => ({ x: c.x - x, y: c.y - y })) };
}

/** Writes the document. A picture of no length has boxes, a film tracks. */
export function write(plan: Plan, picture: Picture): Wire {
  const { tracks, muteAll, head, ...rest } = plan;
  const timed = picture.length > 0;
  return bare({
    ...head,
    ...rest,
    mute_all: muteAll,
    tracks: timed ? tracks.map(writeTrack) : [],
    boxes: timed ? [] : tracks.map((t) => writeBox(t, picture)),
    shots: rest.shots.map(bareKeeping("covered", "from", "to")),
    suggestions: rest.suggestions.map((s) => writeSuggestion(s, picture)),
    mutes: rest.mutes.map(bareKeeping("from", "to")),
    keeps: rest.keeps.map(bareKeeping("from", "to")),
  }, ["covered", "mute_all", "reviewed"]) as unknown as Wire;
}

/** Writes one track as the server reads it. */
export function writeTrack(t: Track): WireTrack {
  const { startSeen, endSeen, corners: _, ...rest } = t;
  return bare({ ...rest, start_seen: startSeen, end_seen: endSeen }, ["from", "to", "w", "h", "points"]) as WireTrack;
}

function writeBox(t: Track, picture: Picture): WireBox {
  const { id, label, w, h, reveal, source, note, by } = t;
  const { x, y } = t.points[0] ?? { x: 0, y: 0 };
  const corners = t.corners.map((c) => ({ x: c.x + x, y: c.y + y }));
  return bare({ id, label, w, h, x, y, reveal, source, note, by, corners, page: picture.pages ? t.from : 0 }, ["x", "y", "w", "h"]) as WireBox;
}

// Leaves out what is empty, as Go's omitempty does.
function bare(o: object, keep: string[]): object {
  return Object.fromEntries(
    Object.entries(o).filter(([k, v]) => keep.includes(k) || !(v === "" || v === false || v === 0 || v === undefined || (Array.isArray(v) && v.length === 0))),
  );
}

function bareKeeping<T extends object>(...keep: string[]): (o: T) => T {
  return (o) => bare(o, keep) as T;
}

/** The next free name with a letter in front: t1, t2, … No name stands twice in a plan, whatever it names. */
export function freshID(plan: Plan, letter = "t"): string {
  let n = 0;
  for (const list of [plan.tracks, plan.mutes, plan.keeps, plan.lines, plan.shots, plan.suggestions]) {
    for (const { id } of list) {
      if (id.startsWith(letter) && /^\d{1,9}$/.test(id.slice(letter.length))) n = Math.max(n, Number(id.slice(letter.length)));
    }
  }
  return `${letter}${n + 1}`;
}

/** Gives the plan with one track changed, added or (null) taken away. A suggestion whose cover is gone is open again. */
export function withTrack(plan: Plan, id: string, track: Track | null): Plan {
  const i = plan.tracks.findIndex((t) => t.id === id);
  const tracks = plan.tracks.slice();
  const before = tracks[i];
  if (track === null) {
    if (i >= 0) tracks.splice(i, 1);
  } else if (i >= 0) {
    tracks[i] = track;
  } else {
    tracks.push(track);
  }
  const source = before?.source ?? "";
  const orphan = source !== "" && !tracks.some((t) => t.source === source && !t.reveal);
  const suggestions = orphan
    ? plan.suggestions.map((s) => (s.id === source && s.answer === "cover" ? { ...s, answer: "" as const, by: "" } : s))
    : plan.suggestions;
  return { ...plan, tracks, suggestions };
}
