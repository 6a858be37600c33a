import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { absorb, best, cover, followed, leave, machineOnly, nextOpen, openSuggestions, reopen } from "./answers.js";
import { clock, readClock, step } from "./clock.js";
import { keyName, keys } from "./keys.js";
import { blank, freshID, read, readTrack, withTrack, write, writeTrack, type Picture, type Plan, type Suggestion, type Track, type Wire } from "./plan.js";
import { changedPage } from "./pages.js";
import { begin, hiddenAt, join, shotAt, shownAt, split, turn } from "./shots.js";
import { addLine, dropSpan, heard, keep, mute, noteSpan, say, timeLine, withLine } from "./sound.js";
import { at, cornersAt, dropPoint, held, keepNear, moveTo, newShape, newTrack, resize, retime, shape, wholeShot, widen } from "./track.js";

interface Vectors {
  covers: { name: string; cover: Pick<Track, "w" | "h" | "from" | "to" | "points">; at: { t: number; covered: boolean; x?: number; y?: number }[] }[];
  reveals: { name: string; track: Pick<Track, "w" | "h" | "from" | "to" | "points">; frames: { from: number; to: number; x?: number; y?: number; w: number; h: number }[] }[];
}

const vectors = JSON.parse(readFileSync(process.env["KUA_VECTORS"] ?? "../spec/vectors/covers.json", "utf8")) as Vectors;
const picture: Picture = { width: 1280, height: 720, length: 10000, rate: 25 };
const photo: Picture = { width: 1280, height: 720, length: 0, rate: 0 };
const empty: Plan = blank;
const drawn = (plan: Plan = empty, t = 0): Track => newTrack(plan, { x: 100, y: 100, w: 50, h: 50 }, t, picture);

test("keys mean the same on a Cyrillic keyboard, and with Caps Lock", () => {
  // Russian, then Kazakh: what the key writes, and where it lies.
  for (const [key, code, want] of [["т", "KeyN", "add"], ["Л", "KeyK", "point"], ["б", "Comma", "back"], ["ю", "Period", "forward"], [".", "Slash", "forward"],
    ["қ", "Digit0", "whole-film"], ["һ", "Equal", "closer"], ["N", "KeyN", "add"], ["PageUp", "PageUp", "page-back"], [" ", "Space", "play"]] as const) {
    assert.equal(keys[keyName({ key, code })], want, key);
  }
  assert.equal(keyName({ key: "я", code: "KeyZ" }), "z");
  assert.equal(keyName({ key: "w", code: "KeyZ" }), "w", "a Latin layout goes by its letters");
});

for (const v of vectors.covers) {
  test(`a box lies where the vectors say: ${v.name}`, () => {
    for (const want of v.at) {
      const got = at(v.cover, want.t);
      if (!want.covered) assert.equal(got, null, `at ${want.t} ms`);
      else assert.deepEqual(got, { x: want.x, y: want.y }, `at ${want.t} ms`);
    }
  });
}

for (const v of vectors.reveals) {
  test(`a frame shows what the vectors say: ${v.name}`, () => {
    for (const { from, to, ...want } of v.frames) {
      const got = held(v.track, from, to);
      if (want.w === 0) assert.equal(got, null, `from ${from} to ${to} ms`);
      else assert.deepEqual(got, want, `from ${from} to ${to} ms`);
    }
  });
}

// Everything that a plan can say, as the server writes it.
const film: Wire = {
  by: "Aigul", covered: true, duration: 10000, height: 720, kind: "kua redaction plan", mute_all: true, note: "n", original: "3", reviewed: true, speak: "ru", version: 4, width: 1280,
  keeps: [{ by: "Aigul", from: 0, id: "k1", note: "a siren", to: 900 }],
  lines: [{ from: 0, id: "l1", to: 900, words: { ru: "Стой", en: "Stop" } }],
  mutes: [{ by: "Bolat", from: 100, id: "m1", note: "a name", to: 200 }],
  shots: [{ covered: false, from: 0, id: "s1", to: 4000 }, { by: "Aigul", covered: true, from: 4000, id: "s2", to: 10000 }],
  suggestions: [{ answer: "leave", by: "Bolat", detector: "d 1", from: 0, h: 40, id: "f1", note: "nothing", points: [{ at: 0, x: 1, y: 2 }], to: 80, w: 30, what: "face" }, { detector: "d 1", from: 5, h: 40, id: "f2", points: [{ at: 5, x: 1, y: 2 }], to: 80, w: 30, what: "plate" }],
  tracks: [
    { by: "Aigul", end_seen: true, from: 0, h: 40, id: "t1", label: "face", note: "n", points: [{ at: 0, x: -3, y: 0 }], reveal: true, source: "tracker", start_seen: true, to: 0, w: 30 },
    { from: 0, h: 9, id: "t2", points: [{ at: 0, x: 0, y: 0 }], to: 5, w: 9 },
  ],
};
const still: Wire = {
  covered: false, height: 720, kind: "kua redaction plan", mute_all: false, original: "4", reviewed: false, version: 4, width: 1280,
  boxes: [
    { by: "Aigul", h: 40, id: "t1", label: "face", w: 30, x: -3, y: 0, reveal: true, note: "n", source: "f1" },
    { h: 40, id: "t2", w: 30, x: 10, y: 20, corners: [{ x: 10, y: 20 }, { x: 40, y: 20 }, { x: 25, y: 60 }] },
  ],
};

const sheet: Picture = { width: 1140, height: 1600, length: 0, rate: 0, pages: [{ w: 1140, h: 1600, picture: "1a" }, { w: 1600, h: 760, picture: "2b" }], view: "/media/view/5/" };
const doc = {
  covered: true, kind: "kua redaction plan", mute_all: true, original: "5", reviewed: false, version: 4, pages: [{ h: 1600, picture: "1a", w: 1140 }, { h: 760, picture: "2b", w: 1600 }],
  boxes: [{ h: 40, id: "t1", w: 30, x: 10, y: 20, page: 2, reveal: true, corners: [{ x: 10, y: 20 }, { x: 40, y: 20 }, { x: 25, y: 60 }] }],
  suggestions: [{ detector: "d 1", from: 0, h: 40, id: "f1", page: 1, points: [{ at: 0, x: 1, y: 2 }], to: 0, w: 30, what: "face" }],
} as Wire;

test("what is marked on a page is there and on no other", () => {
  const plan = read(doc);
  assert.deepEqual(write(plan, sheet), doc);
  assert.deepEqual(at(plan.tracks[0]!, 2), { x: 10, y: 20 });
  assert.equal(at(plan.tracks[0]!, 1), null);
  const { plan: covered, track } = cover(plan, "f1", "face", sheet);
  assert.equal(at(track!, 2), null);
  const written = write(covered, sheet) as typeof doc;
  assert.deepEqual([written.boxes?.[1]?.page, written.suggestions?.[0]?.answer], [1, "cover"]);
  const drawn = newTrack(plan, { x: 5, y: 5, w: 50, h: 50 }, 2, sheet, true);
  assert.deepEqual([drawn.from, drawn.to, drawn.points], [2, 2, [{ at: 2, x: 5, y: 5 }]]);
  assert.deepEqual(shape(drawn, [{ x: 0, y: 0 }, { x: 90, y: 0 }, { x: 0, y: 90 }], sheet).points, [{ at: 2, x: 0, y: 0 }]);
  assert.deepEqual(moveTo(drawn, 2, 9, 9, Infinity).points, [{ at: 2, x: 9, y: 9 }]);
  const more = withTrack(plan, drawn.id, drawn);
  assert.equal(changedPage(plan.tracks, more.tracks), 2);
  assert.equal(changedPage(covered.tracks, plan.tracks), 1);
  assert.equal(changedPage(plan.tracks, plan.tracks), 0);
});

test("a plan is read and written again without loss", () => {
  assert.deepEqual(write(read(film), picture), film);
  assert.deepEqual(write(read(still), photo), still);
  for (const t of film.tracks!) assert.deepEqual(writeTrack(readTrack(t)), t);
});

test("a cover holds for the whole film until told otherwise, in a known shot for that shot", () => {
  const track = newTrack(empty, { x: 10.4, y: 20.6, w: 100.2, h: 3 }, 4000, picture);
  assert.deepEqual([track.w, track.h, track.from, track.to, track.points], [100, 8, 0, 10000, [{ at: 4000, x: 10, y: 21 }]]);
  assert.deepEqual(at(track, 0), { x: 10, y: 21 });
  const shots = read(film);
  assert.deepEqual([drawn(shots, 200).from, drawn(shots, 200).to], [0, 3999]);
  assert.deepEqual([drawn(shots, 4000).from, drawn(shots, 4000).to], [4000, 10000]);
  assert.deepEqual(wholeShot({ ...drawn(shots, 4000), startSeen: true }, shots, 5000, picture).from, 4000);
});

test("what reveals holds no longer than what was looked at", () => {
  const track = newTrack({ ...empty, covered: true }, { x: 0, y: 0, w: 50, h: 50 }, 9000, picture, true);
  assert.deepEqual([track.reveal, track.from, track.to], [true, 9000, 10000]);
  assert.equal(newTrack(empty, { x: 0, y: 0, w: 50, h: 50 }, 0, picture, true).to, 2000);
  assert.equal(newTrack(empty, { x: 0, y: 0, w: 50, h: 50 }, 60, picture, true).from, 40, "it begins with the frame that was looked at");
});

test("moving at a moment adds a point, moving near one replaces it", () => {
  let track = newTrack(empty, { x: 0, y: 0, w: 50, h: 50 }, 0, picture);
  track = moveTo(track, 2000, 100, 0, 20);
  track = moveTo(track, 2010, 120, 10, 20);
  track = moveTo(track, 1000, 5, 5, 20);
  assert.deepEqual(track.points, [{ at: 0, x: 0, y: 0 }, { at: 1000, x: 5, y: 5 }, { at: 2010, x: 120, y: 10 }]);
  assert.deepEqual(dropPoint(track, 1000).points.length, 2);
  assert.equal(dropPoint(dropPoint(dropPoint(track, 0), 1000), 2010).points.length, 1);
});

test("a track keeps its order of time, its least size and a strip in the picture", () => {
  const track = newTrack(empty, { x: 0, y: 0, w: 50, h: 50 }, 0, picture);
  assert.deepEqual([retime(track, 9000, -5, picture).from, retime(track, 9000, -5, picture).to], [0, 9000]);
  assert.deepEqual([resize(track, 1, 99999, picture).w, resize(track, 1, 99999, picture).h], [8, 720]);
  assert.deepEqual(keepNear(track, -500, 5000, picture), { x: -46, y: 716 });
});

test("an end that moved has not been looked at, the other still has", () => {
  const seen = { ...retime(drawn(), 2000, 8000, picture), startSeen: true, endSeen: true };
  const moved = retime(seen, 2000, 7000, picture);
  assert.deepEqual([moved.startSeen, moved.endSeen], [true, false]);
  assert.equal(moveTo(seen, 1000, 0, 0, 20).startSeen, false);
});

test("a wider box stays over what it lay on", () => {
  const wide = widen(moveTo(drawn(), 5000, 300, 200, 20), 0.3, picture);
  assert.deepEqual([wide.w, wide.h], [65, 65]);
  assert.deepEqual(wide.points, [{ at: 0, x: 93, y: 93 }, { at: 5000, x: 293, y: 193 }]);
});

test("a free shape is enclosed by its box, moves with it and is stretched with it", () => {
  assert.equal(newShape(empty, [{ x: 0, y: 0 }, { x: 50, y: 50 }], 0, photo), null);
  const s = newShape(empty, [{ x: 10, y: 20 }, { x: 110, y: 20.4 }, { x: 60, y: 120 }], 0, photo, true)!;
  assert.deepEqual([s.w, s.h, s.points, s.reveal], [100, 100, [{ at: 0, x: 10, y: 20 }], true]);
  const moved = moveTo(s, 0, 20, 30, Infinity);
  assert.deepEqual(cornersAt(moved, 0), [{ x: 20, y: 30 }, { x: 120, y: 30 }, { x: 70, y: 130 }]);
  assert.deepEqual(resize(moved, 50, 200, photo).corners, [{ x: 0, y: 0 }, { x: 50, y: 0 }, { x: 25, y: 200 }]);
  assert.deepEqual(shape(moved, [{ x: -9, y: 0 }, { x: 5000, y: 0 }, { x: 0, y: 5000 }], photo).w, 1280);
  assert.equal(cornersAt(drawn(), 0)!.length, 4);
});

test("what is shown at a moment: the shot's base, what is revealed, and covers before all", () => {
  const plan: Plan = { ...read(film), tracks: [{ ...drawn(), id: "c", from: 0, to: 9000 }, { ...drawn(), id: "r", from: 3000, to: 5000, reveal: true }] };
  const ids = (t: number) => [shownAt(plan, t).hidden, shownAt(plan, t).covers.map((c) => c.id).join(), shownAt(plan, t).reveals.map((c) => c.id).join()];
  assert.deepEqual(ids(3500), [false, "c", ""]);
  assert.deepEqual(ids(4000), [true, "c", "r"]);
  assert.deepEqual(ids(5001), [true, "c", ""]);
  assert.deepEqual(ids(9001), [true, "", ""]);
  // No shot holds the film's very last moment: the plan's own word does.
  assert.equal(hiddenAt(plan, 10000), true);
  assert.equal(hiddenAt({ ...plan, shots: [], covered: false }, 0), false);
  assert.equal(shotAt({ ...plan, shots: [{ id: "s", from: 5, to: 6, covered: true, by: "" }] }, 4), undefined);
});

test("shots are cut, joined and turned; undecided ones follow the choice for the whole", () => {
  let plan = split({ ...empty, covered: true }, 4000.4, 10000, "Aigul");
  assert.deepEqual(plan.shots.map((s) => [s.from, s.to, s.covered]), [[0, 4000, true], [4000, 10000, true]]);
  plan = split(plan, 6000, 10000, "Aigul");
  assert.equal(new Set(plan.shots.map((s) => s.id)).size, 3);
  assert.equal(split(plan, 4000, 10000, "Aigul"), plan);
  plan = turn(plan, plan.shots[1]!.id, "Bolat");
  assert.deepEqual(plan.shots.map((s) => s.covered), [true, false, true]);
  plan = join(plan, plan.shots[1]!.id, "Aigul");
  assert.deepEqual(plan.shots.map((s) => [s.from, s.to, s.covered]), [[0, 4000, true], [4000, 10000, true]]);
  assert.equal(join(plan, plan.shots[1]!.id, "Aigul"), plan);
  const found = read(film);
  assert.deepEqual(begin({ ...found, covered: false }, true).shots.map((s) => s.covered), [true, true]);
  assert.deepEqual(begin(found, false).shots.map((s) => s.covered), [false, true]);
  const gap = split({ ...empty, shots: [{ id: "shot1", from: 0, to: 10, covered: false, by: "" }, { id: "shot2", from: 90, to: 100, covered: false, by: "" }] }, 50, 100, "A");
  assert.deepEqual(gap.shots.map((s) => [s.from, s.to]), [[0, 10], [10, 50], [50, 90], [90, 100]]);
});

test("stretches that touch become one and keep their words; silence wins", () => {
  let plan = mute({ ...empty, muteAll: false }, 1000, 2000, picture);
  plan = mute(plan, 5000, 4000, picture);
  plan = mute(plan, 1500, 4000, picture);
  assert.deepEqual(plan.mutes.map((m) => [m.from, m.to]), [[1000, 5000]]);
  assert.equal(mute(plan, 7000, 7000, picture).mutes, plan.mutes);
  plan = { ...plan, muteAll: true };
  plan = keep(plan, 4000, 9000, picture);
  plan = noteSpan(plan, plan.keeps[0]!.id, "a siren");
  assert.deepEqual([3000, 4500, 6000, 9001].map((t) => heard(plan, t)), [false, false, true, false]);
  assert.equal(keep(plan, 8000, 9500, picture).keeps[0]!.note, "a siren");
  assert.deepEqual(dropSpan(plan, plan.mutes[0]!.id).mutes, []);
  assert.deepEqual(dropSpan(plan, plan.keeps[0]!.id).keeps, []);
});

test("lines stand in the order of time and hold words by language", () => {
  let { plan, id } = addLine(empty, 5000, picture);
  ({ plan } = addLine(plan, 1000, picture));
  assert.deepEqual(plan.lines.map((l) => [l.from, l.to]), [[1000, 4000], [5000, 8000]]);
  assert.equal(addLine(plan, 4000, picture).plan.lines[1]!.to, 5000);
  const line = say(say(plan.lines.find((l) => l.id === id)!, "ru", "Стой"), "en", "Stop");
  assert.deepEqual(say(line, "ru", "").words, { en: "Stop" });
  plan = withLine(plan, timeLine(line, 500, 100, picture));
  assert.deepEqual(plan.lines[0], { id, from: 100, to: 500, words: { ru: "Стой", en: "Stop" } });
});

const seen = (id: string, answer: "" | "cover" | "leave" = ""): Suggestion => ({
  id, what: "face", detector: "d", w: 40, h: 40, from: 1000, to: 3000, points: [{ at: 1000, x: 100, y: 100 }, { at: 3000, x: 200, y: 100 }], answer, note: "", by: "",
});

test("a suggestion is covered by a wider track that remembers it, and opens again when that goes", () => {
  const before: Plan = { ...empty, suggestions: [seen("f1"), seen("f2", "leave"), seen("f3")] };
  const { plan, track } = cover(before, "f1", "face", picture);
  assert.deepEqual([track!.source, track!.w, track!.points[0], track!.from, track!.to], ["f1", 52, { at: 1000, x: 94, y: 94 }, 1000, 3000]);
  assert.equal(plan.suggestions[0]!.answer, "cover");
  assert.deepEqual(openSuggestions(plan).map((s) => s.id), ["f3"]);
  assert.equal(withTrack(plan, track!.id, null).suggestions[0]!.answer, "");
  assert.equal(withTrack(plan, track!.id, { ...track!, reveal: true }).suggestions[0]!.answer, "");
  assert.equal(reopen(plan, "f1").tracks.length, 0);
  const left = leave(plan, "f1", "nothing is there");
  assert.deepEqual([left.tracks.length, left.suggestions[0]!.answer, left.suggestions[0]!.note], [0, "leave", "nothing is there"]);
  assert.equal(cover(before, "nobody", "", picture).track, null);
  assert.equal(nextOpen(before, "f1")!.id, "f3");
  assert.equal(nextOpen(before, "f3")!.id, "f1");
  assert.deepEqual(best(seen("f1")), { t: 2000, x: 150, y: 100 });
});

test("the way that a machine found keeps who the box is about", () => {
  const own = { ...drawn(), label: "face", source: "f1", note: "n" };
  const found = { ...drawn(), id: "other", points: [{ at: 0, x: 5, y: 5 }], source: "tracker", from: 0, to: 900 };
  const got = followed(own, found);
  assert.deepEqual([got.id, got.label, got.source, got.note, got.to], [own.id, "face", "f1", "n", 900]);
  assert.equal(followed({ ...own, source: "" }, found).source, "tracker");
});

test("what a machine found comes into work that went on, and nothing a person decided goes", () => {
  const base = read(film);
  const theirs: Plan = { ...base, shots: [{ id: "s9", from: 0, to: 4000, covered: true, by: "" }, base.shots[1]!], suggestions: [...base.suggestions, seen("f9")], head: { ...base.head, by: "desk" } };
  assert.ok(machineOnly(base, theirs));
  assert.ok(!machineOnly(base, { ...theirs, muteAll: false }));
  assert.ok(!machineOnly(base, { ...theirs, tracks: [] }));
  assert.ok(!machineOnly(base, { ...theirs, suggestions: [] }));
  const mine = cover({ ...base, covered: false }, "f2", "plate", picture).plan;
  const got = absorb(mine, theirs);
  assert.deepEqual(got.shots.map((s) => [s.id, s.covered]), [["s9", false], ["s2", true]]);
  assert.deepEqual(got.suggestions.map((s) => [s.id, s.answer]), [["f1", "leave"], ["f2", "cover"], ["f9", ""]]);
  assert.equal(got.tracks.length, 3);
  const cut = split(mine, 2000, 10000, "Aigul");
  assert.deepEqual(absorb(cut, theirs).shots, cut.shots, "a cut that a person made meanwhile stays");
});

test("a step lands in the middle of the next frame and stays in the film", () => {
  assert.equal(step(0, 1, picture), 60);
  assert.equal(step(60, 1, picture), 100);
  assert.equal(step(60, -1, picture), 20);
  assert.equal(step(20, -1, picture), 20);
  assert.equal(step(9999, 5, picture), 10000);
});

test("names are not given twice, whatever they name", () => {
  const plan = withTrack(withTrack(empty, "t1", drawn()), "t7", { ...drawn(), id: "t7" });
  assert.equal(freshID(plan), "t8");
  assert.equal(freshID({ ...plan, suggestions: [seen("t12")] }), "t13");
  assert.equal(freshID(plan, "shot"), "shot1");
  assert.equal(withTrack(plan, "t1", null).tracks.length, 1);
});

test("clocks are read as they are written", () => {
  for (const t of [0, 1, 999, 61234, 3600000, 36061001]) assert.equal(readClock(clock(t)), t);
  assert.equal(readClock("75,5"), 75500);
  assert.equal(readClock("1:xx"), null);
  assert.equal(readClock(""), null);
});
