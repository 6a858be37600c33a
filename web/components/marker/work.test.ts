import assert from "node:assert/strict";
import test from "node:test";
import { History } from "./history.js";
import { blank, type Picture, type Plan } from "./plan.js";
import { Saver, type SaveAnswer, type SaveState } from "./save.js";
import { Shaping } from "./shaping.js";

test("undo takes back a whole gesture, redo gives it again", () => {
  const plans = [0, 1, 2, 3].map((n): Plan => ({ ...blank, note: String(n) }));
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

test("what a machine found is in every step, so that undo keeps it", () => {
  const h = new History(blank);
  h.change({ ...blank, note: "1" });
  h.change({ ...blank, note: "2" });
  h.undo();
  h.rebase((plan) => ({ ...plan, speak: "ru" }));
  assert.deepEqual([h.now.note, h.now.speak], ["1", "ru"]);
  h.undo();
  assert.deepEqual([h.now.note, h.now.speak], ["", "ru"]);
  h.redo();
  h.redo();
  assert.deepEqual([h.now.note, h.now.speak], ["2", "ru"]);
});

test("a free shape closes at its first corner, and corners can be taken back", () => {
  const picture: Picture = { width: 1000, height: 1000, length: 0, rate: 0 };
  const done: number[] = [];
  let shown = 0;
  const s = new Shaping(picture, { shown: (c) => (shown = c.length), done: (c) => done.push(c.length) });
  s.start();
  for (const [x, y] of [[100, 100], [300, 100], [300, 300], [500, 500]] as const) s.add(x, y);
  s.back();
  assert.equal(shown, 3);
  s.add(105, 95);
  assert.deepEqual(done, [3]);
  assert.ok(!s.on);
  s.start();
  s.add(1, 1);
  s.close();
  assert.deepEqual(done, [3], "two corners are no shape");
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

test("after a machine's own change the work goes on from its version", async () => {
  const { saver, sent } = saving([{ state: "conflict", version: 9, message: "" }, { state: "saved", version: 10, message: "" }]);
  saver.touch("mine");
  await saver.flush();
  saver.rebase(9, "mine with theirs");
  assert.equal(saver.state, "unsaved");
  await saver.flush();
  assert.deepEqual(sent.at(-1), { body: "mine with theirs", version: 9 });
  assert.equal(saver.state, "saved");
  saver.rebase(12, null);
  assert.ok(!saver.dirty);
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
