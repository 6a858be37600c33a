import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bring, bringScript, partOf, type Road } from "./bring.js";

const script = new TextEncoder().encode("self.onmessage = () => 1; // Куә\n".repeat(40));
const cut = 100;
const parts = { count: Math.ceil(script.length / cut), sha256: createHash("sha256").update(script).digest("hex") };
const at = "/assets/report-worker.ABCD1234.js";

/** A road without time: a timer rings at once, for whoever waits for nothing else. */
function road(answer: (url: string, times: number) => BodyInit | "frozen" | "broken"): Road & { asked: string[] } {
  const asked: string[] = [];
  const timers = new Set<() => void>();
  return {
    asked,
    fetch(url, init) {
      asked.push(url);
      const got = answer(url, asked.filter((u) => u === url).length);
      if (got === "broken") return Promise.reject(new Error("reset"));
      if (got !== "frozen") return Promise.resolve(new Response(got));
      const body = new ReadableStream({
        start(c) {
          c.enqueue(script.subarray(0, 10)); // and then nothing more
          init.signal!.addEventListener("abort", () => c.error(new Error("aborted")));
          setTimeout(() => timers.forEach((f) => f()));
        },
      });
      return Promise.resolve(new Response(body));
    },
    after(ms, f) {
      timers.add(f);
      if (ms === 500 || ms === 1000 || ms === 2000) setTimeout(f); // a pause
      return () => timers.delete(f);
    },
  };
}

const piece = (url: string) => {
  const n = Number(/-part(\d+)\./.exec(url)![1]);
  return script.slice(n * cut, (n + 1) * cut);
};

test("a good link gets a script whole, in one question", async () => {
  const r = road(() => script);
  assert.deepEqual(await bringScript(at, parts, r), script);
  assert.deepEqual(r.asked, [at]);
});

test("what freezes, or comes changed, is asked for in parts", async () => {
  for (const whole of ["frozen", "broken", "other code"] as const) {
    const r = road((url) => (url === at ? whole : piece(url)));
    assert.deepEqual(await bringScript(at, parts, r), script);
    assert.equal(r.asked.length, 1 + parts.count);
    assert.equal(r.asked[1], "/assets/report-worker-part0.ABCD1234.js");
  }
});

test("a part that freezes or breaks is asked for again, and a changed one is not run", async () => {
  const r = road((url, times) => (url === at ? "frozen" : /part2/.test(url) && times === 1 ? "frozen" : /part3/.test(url) && times === 1 ? "broken" : /part4/.test(url) && times === 1 ? "evil" : piece(url)));
  assert.deepEqual(await bringScript(at, parts, r), script);
  assert.equal(r.asked.filter((u) => u === partOf(at, 4)).length, 2);
});

test("words are asked for until they come", async () => {
  const r = road((_, times) => (times < 3 ? "broken" : "{}"));
  assert.equal(new TextDecoder().decode(await bring("/en/report/words", r)), "{}");
});
