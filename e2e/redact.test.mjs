// A volunteer covers a moving face-like thing in a real film by the page alone:
// shows everything but what they cover, draws one box, lets a machine follow it,
// takes the way, answers what is asked, and renders. Two people publish it. Then
// every frame of the published 240p file is decoded, and inside the planned boxes
// there is nothing but the fill.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { axe, openBrowser, openPage, laptop, shot, startDemo, temporary } from "./harness.mjs";
import { answerHits, collect, fillRecord, press, signIn, tickAll, until } from "./desk.mjs";
import { report } from "./witness.mjs";

const [width, height, rate, seconds] = [640, 360, 15, 4];
const side = 72; // of the thing
const way = (t) => ({ x: 60 + 90 * t, y: 120 + 20 * t });

let tmp, demo, browser, film;

before(async () => {
  tmp = await temporary();
  film = path.join(tmp.dir, "moving.mp4");
  // A textured head with two eyes and a mouth over a still wall.
  const head = `nullsrc=s=${side}x${side}:r=${rate}:d=${seconds},format=yuv420p,geq=lum='if(lt(hypot(X-22,Y-26),7)+lt(hypot(X-50,Y-26),7)+lt(abs(Y-54),4)*lt(abs(X-36),16),20,170+35*sin(X/3)*cos(Y/4))':cb=110:cr=150`;
  const wall = `nullsrc=s=${width}x${height}:r=${rate}:d=${seconds},format=yuv420p,geq=lum='90+25*sin(X/31)*sin(Y/23)':cb=128:cr=128`;
  execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-f", "lavfi", "-i", wall, "-f", "lavfi", "-i", head,
    "-filter_complex", "[0][1]overlay=x='60+90*t':y='120+20*t':eval=frame", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", film]);
  demo = await startDemo(path.join(tmp.dir, "demo"));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  await tmp?.remove();
});

const words = "moving-head: made up, somebody walks by";
let plan, caseURL;

test("a witness sends the film", async () => {
  const p = await openPage(browser, demo.url, laptop);
  await report(p.page, demo.url, { text: words, files: film });
  await p.context.close();
});

test("a person covers what moves, by the page alone", async () => {
  const p = await signIn(browser, demo, demo.people[0]);
  const { page } = p;
  await collect(page, demo);
  await press(page, '.list a[href*="/reports/"]');
  assert.match(await page.textContent("main"), /moving-head/);
  await press(page, 'form[action$="/open"] button');
  caseURL = page.url().split("#")[0];
  await page.goto(await page.locator('a[href*="/originals/"]').first().evaluate((a) => a.href));
  await until(page, 'a[href$="/mark"]');
  const original = page.url();
  await press(page, 'a[href$="/mark"]');
  await page.waitForFunction(() => document.querySelector(".marker video")?.readyState >= 2);
  await page.check('.marker-begin[value="open"]');

  // In the middle of the film a box is drawn around the thing, with the mouse.
  for (const _ of [1, 2]) await page.click('[data-do="forward-second"]');
  await page.waitForFunction(() => Math.abs(document.querySelector("video").currentTime - 2) < 0.04 && !document.querySelector("video").seeking);
  const layer = page.locator(".marker-layer");
  await layer.scrollIntoViewIfNeeded();
  const on = await layer.boundingBox();
  const { x, y } = way(2);
  const at = (px, py) => [on.x + (px / width) * on.width, on.y + (py / height) * on.height];
  await page.mouse.move(...at(x - 4, y - 4));
  await page.mouse.down();
  await page.mouse.move(...at(x + side + 4, y + side + 4), { steps: 6 });
  await page.mouse.up();
  assert.equal(await page.locator(".marker-box").count(), 1);

  // A machine follows it both ways; the way is looked at, and taken.
  await page.click('[data-do="follow"]');
  await page.waitForSelector('[data-do="take"]:visible', { timeout: 300_000 });
  await shot(page, "redact-offer");
  await page.click('[data-do="take"]');
  await page.waitForSelector('.marker-save[data-state="saved"]');
  await answerQuestions(page);
  await page.check(".marker-reviewed");
  await page.waitForTimeout(900);
  await page.waitForSelector('.marker-save[data-state="saved"]');
  assert.deepEqual(await axe(page), []);
  await shot(page, "redact-marked");
  const standing = await page.evaluate(async () => (await fetch(document.querySelector(".marker").dataset.save)).json());
  plan = standing.plan;
  assert.deepEqual(standing.questions, []);
  assert.equal(plan.tracks.length, 1);
  assert.equal(plan.tracks[0].source, "tracker");

  // The way that was taken lies over the thing for the whole film.
  for (let t = 0; t < seconds * 1000 - 70; t += 100) {
    const place = where(plan.tracks[0], t);
    assert.ok(place, `nothing is covered at ${t} ms`);
    const thing = way(t / 1000);
    for (const [axis, size] of [["x", plan.tracks[0].w], ["y", plan.tracks[0].h]]) {
      assert.ok(place[axis] <= thing[axis] + 3 && place[axis] + size >= thing[axis] + side - 3, `at ${t} ms the box is beside the thing: ${axis} ${place[axis]} + ${size}, the thing at ${thing[axis]}`);
    }
  }

  await page.goto(original);
  await press(page, 'form[action$="/render"] button');
  await page.goto(original);
  await until(page, 'video[src*="/media/derivative/"]', 400);
  await answerHits(page, original);
  await page.goto(`${caseURL}/record`);
  await fillRecord(page);
  await until(page, 'form[action$="/publish/propose"] button', 5);
  await tickAll(page, 'form[action$="/publish/propose"]');
  await press(page, 'form[action$="/publish/propose"] button');
  assert.deepEqual(p.complaints, []);
  assert.deepEqual(p.strangers, []);
  await p.context.close();
});

/** Answers every question that the page asks about the ends of a box. */
async function answerQuestions(page) {
  const seen = page.locator(".marker-questions button", { hasText: "I looked" });
  for (let n = 0; (await seen.count()) > 0; n++) {
    assert.ok(n < 10, "questions do not end");
    const before = await page.locator(".marker-questions li").count();
    await seen.first().click();
    await page.waitForFunction((was) => document.querySelectorAll(".marker-questions li").length < was, before);
  }
}

/** Where a box lies at a moment: spec/vectors/covers.json. */
function where(track, t) {
  if (t < track.from || t > track.to) return null;
  const after = track.points.findIndex((q) => q.at >= t);
  if (after === 0) return track.points[0];
  if (after < 0) return track.points[track.points.length - 1];
  const [a, b] = [track.points[after - 1], track.points[after]];
  const along = (v, w) => v + Math.floor(((w - v) * (t - a.at)) / (b.at - a.at));
  return { x: along(a.x, b.x), y: along(a.y, b.y) };
}

test("another person signs, and it is published", async () => {
  const p = await signIn(browser, demo, demo.people[1]);
  const { page } = p;
  await page.goto(`${demo.desk}/en/publish`);
  await press(page, 'main a[href*="/publish/"]');
  const proposal = page.url();
  for (const href of await page.locator('a[href*="/preview/"]').evaluateAll((all) => all.map((a) => a.href))) {
    const preview = await p.context.newPage();
    await preview.goto(href);
    await preview.close();
  }
  await page.goto(proposal);
  for (const name of ["covers", "words", "place"]) await page.check(`input[name="${name}"]`);
  await tickAll(page, 'form[action$="/approve"]');
  await press(page, 'form[action$="/approve"] button');
  await p.context.close();
});

test("in the published 240p file every covered pixel is constant in every frame", async () => {
  const p = await openPage(browser, demo.url, laptop);
  const { page } = p;
  for (let tries = 0; ; tries++) {
    await page.goto(`${demo.url}/en/index.html`);
    if (/money is demanded at a crossing/.test(await page.textContent("main"))) break;
    assert.ok(tries < 120, "the record does not appear on the front page");
    await page.waitForTimeout(500);
  }
  await press(page, 'main a:has-text("money is demanded at a crossing")');
  const films = await page.locator('a[href$=".mp4"]').evaluateAll((all) => [...new Set(all.map((a) => a.href))]);
  const found = films.map((href) => ({ href, ...probe(href) })).find((f) => Math.min(f.width, f.height) === 240);
  assert.ok(found, `no 240p file among ${films.length}`);
  const gray = execFileSync("ffmpeg", ["-v", "error", "-i", found.href, "-vf", "format=gray", "-f", "rawvideo", "-"], { maxBuffer: 1 << 29 });
  const size = found.width * found.height;
  const frames = gray.length / size;
  assert.ok(Number.isInteger(frames) && frames >= (seconds - 1) * found.rate, `${frames} frames were decoded`);
  const track = plan.tracks[0];
  let looked = 0;
  for (let n = 0; n < frames; n++) {
    const place = where(track, Math.min((n / found.rate) * 1000, track.to));
    const [sx, sy] = [found.width / width, found.height / height];
    const [x0, x1] = [Math.max(0, Math.ceil(place.x * sx)), Math.min(found.width, Math.floor((place.x + track.w) * sx))];
    const [y0, y1] = [Math.max(0, Math.ceil(place.y * sy)), Math.min(found.height, Math.floor((place.y + track.h) * sy))];
    let [low, high] = [255, 0];
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const v = gray[n * size + y * found.width + x];
        low = Math.min(low, v);
        high = Math.max(high, v);
        looked++;
      }
    }
    assert.ok(high <= 40, `frame ${n}: something of brightness ${high} is seen inside the cover`);
    assert.ok(high - low <= 40, `frame ${n}: covered pixels vary from ${low} to ${high}`);
    // The wall beside it is there: the frame is no black picture.
    assert.ok(gray.subarray(n * size, n * size + found.width * 8).some((v) => v > 70), `frame ${n} is black`);
  }
  assert.ok(looked > frames * 500, "hardly a pixel was looked at");
  await p.context.close();
});

function probe(href) {
  const s = JSON.parse(execFileSync("ffprobe", ["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,avg_frame_rate", "-of", "json", href])).streams[0];
  const [a, b] = s.avg_frame_rate.split("/").map(Number);
  return { width: s.width, height: s.height, rate: a / b };
}
