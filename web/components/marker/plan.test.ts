import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import {
  at, clock, dropPoint, freshID, keepNear, moveTo, mute, newTrack, openEnds, readClock, resize, retime, step, unmute, withTrack,
  type Picture, type Plan, type Track,
} from "./plan.js";
import { History } from "./history.js";
import { Saver, type SaveAnswer, type SaveState } from "./save.js";

interface Vectors {
  covers: { name: string; cover: Omit<Track, "id" | "label">; at: { t: number; covered: boolean; x?: number; y?: number }[] }[];
}

const vectors = JSON.parse(readFileSync(process.env["KUA_VECTORS"] ?? "../spec/vectors/covers.json", "utf8")) as Vectors;
const picture: Picture = { width: 1280, height: 720, length: 10000, rate: 25 };
const empty: Plan = { tracks: [], mutes: [], muteAll: true, reviewed: false };

for (const v of vectors.covers) {
  test(`a cover lies where the vectors say: ${v.name}`, () => {
    const track: Track = { id: "t1", label: "", ...v.cover };
    for (const want of v.at) {
      const got = at(track, want.t);
      if (!want.covered) assert.equal(got, null, `at ${want.t} ms`);
      else assert.deepEqual(got, { x: want.x, y: want.y }, `at ${want.t} ms`);
    }
  });
}

test("a box drawn covers the whole film until told otherwise", () => {
  const track = newTrack(empty, { x: 10.4, y: 20.6, w: 100.2, h: 3 }, 4000, picture);
  assert.deepEqual(track, { id: "t1", label: "", w: 100, h: 8, from: 0, to: 10000, points: [{ at: 4000, x: 10, y: 21 }] });
  assert.deepEqual(at(track, 0), { x: 10, y: 21 });
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

test("muted stretches that touch become one", () => {
  let plan = mute({ ...empty, muteAll: false }, 1000, 2000, picture);
  plan = mute(plan, 5000, 4000, picture);
  plan = mute(plan, 1500, 4000, picture);
  assert.deepEqual(plan.mutes, [{ from: 1000, to: 5000 }]);
  assert.equal(mute(plan, 7000, 7000, picture), plan);
  assert.deepEqual(unmute(plan, 0).mutes, []);
});

test("a step lands in the middle of the next frame and stays in the film", () => {
  assert.equal(step(0, 1, picture), 60);
  assert.equal(step(60, 1, picture), 100);
  assert.equal(step(60, -1, picture), 20);
  assert.equal(step(20, -1, picture), 20);
  assert.equal(step(9999, 5, picture), 10000);
});

test("an end inside film and picture is an open question", () => {
  const whole = newTrack(empty, { x: 100, y: 100, w: 50, h: 50 }, 0, picture);
  assert.deepEqual(openEnds(whole, picture), []);
  assert.deepEqual(openEnds(retime(whole, 2000, 8000, picture), picture), ["start", "end"]);
  const leaves = { ...retime(whole, 0, 5000, picture), points: [{ at: 0, x: 100, y: 100 }, { at: 5000, x: -40, y: 100 }] };
  assert.deepEqual(openEnds(leaves, picture), []);
});

test("names of tracks are not given twice", () => {
  const plan = withTrack(withTrack(empty, "t1", newTrack(empty, { x: 0, y: 0, w: 9, h: 9 }, 0, picture)), "t7", {
    ...newTrack(empty, { x: 0, y: 0, w: 9, h: 9 }, 0, picture), id: "t7",
  });
  assert.equal(freshID(plan), "t8");
  assert.equal(withTrack(plan, "t1", null).tracks.length, 1);
});

test("clocks are read as they are written", () => {
  for (const t of [0, 1, 999, 61234, 3600000, 36061001]) assert.equal(readClock(clock(t)), t);
  assert.equal(readClock("75,5"), 75500);
  assert.equal(readClock("1:xx"), null);
  assert.equal(readClock(""), null);
});

test("undo takes back a whole gesture, redo gives it again", () => {
  const plans = [0, 1, 2, 3].map((n) => ({ ...empty, mutes: [{ from: 0, to: n }] }));
  const h = new History(plans[0]!);
  h.change(plans[1]!, "drag 1");
  h.change(plans[2]!, "drag 1");
  h.rest();
  h.change(plans[3]!, "drag 2");
  assert.ok(h.undo());
  assert.equal(h.now, plans[2]);
  assert.ok(h.undo());
  assert.equal(h.now, plans[0]);
  assert.ok(!h.undo());
  assert.ok(h.redo());
  assert.equal(h.now, plans[2]);
  assert.ok(h.canRedo && h.canUndo);
});

// A saver with a server of our own that answers when it is told to.
function saving(answers: SaveAnswer[]) {
  const sent: { body: string; version: number }[] = [];
  const states: SaveState[] = [];
  const saver = new Saver(
    async (body, version) => {
      sent.push({ body, version });
      return answers.shift()!;
    },
    3,
    (s) => states.push(s),
    60_000,
  );
  return { saver, sent, states };
}

test("saving sends the newest work on top of the version it knows", async () => {
  const { saver, sent, states } = saving([{ state: "saved", version: 4, message: "" }, { state: "saved", version: 5, message: "" }]);
  saver.touch("a");
  saver.touch("b");
  assert.ok(saver.dirty);
  await saver.flush();
  saver.touch("c");
  await saver.flush();
  assert.deepEqual(sent, [{ body: "b", version: 3 }, { body: "c", version: 4 }]);
  assert.equal(states.at(-1), "saved");
  assert.ok(!saver.dirty);
});

test("a conflict waits for a person, who may save over it", async () => {
  const { saver, sent, states } = saving([{ state: "conflict", version: 9, message: "" }, { state: "saved", version: 10, message: "" }]);
  saver.touch("mine");
  await saver.flush();
  assert.equal(states.at(-1), "conflict");
  saver.touch("mine too");
  assert.equal(saver.state, "conflict");
  saver.overwrite();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(sent.at(-1), { body: "mine too", version: 9 });
  assert.equal(saver.state, "saved");
});

test("what could not be sent is kept and sent again", async () => {
  const { saver, sent } = saving([{ state: "locked", version: 0, message: "" }, { state: "saved", version: 4, message: "" }]);
  saver.touch("x");
  await saver.flush();
  assert.equal(saver.state, "locked");
  assert.ok(saver.dirty);
  await saver.flush();
  assert.deepEqual(sent.map((s) => s.body), ["x", "x"]);
  assert.equal(saver.state, "saved");
});
