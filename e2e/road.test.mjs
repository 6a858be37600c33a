// The road as people walk it: a witness on a 360 px phone reports a real film,
// the desk collects and covers, two people publish, a reader reads, the receipt
// opens the answer.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { axe, laptop, openBrowser, openPage, phone, shot, startDemo, temporary } from "./harness.mjs";
import { answerHits, collect, coverMiddle, fillRecord, press, signIn, tickAll, until } from "./desk.mjs";
import { openReplies, report } from "./witness.mjs";

let tmp, demo, browser, film;

before(async () => {
  tmp = await temporary();
  film = path.join(tmp.dir, "kanarejka-film.mp4");
  execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=480x272:r=15:d=4", "-f", "lavfi", "-i", "sine=f=300:d=4",
    "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-metadata", "artist=kanarejka-name", "-movflags", "+faststart", film]);
  demo = await startDemo(path.join(tmp.dir, "demo"));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  await tmp?.remove();
});

/** Fails when a page asked another host for something or complained. */
function quiet(p, what) {
  assert.deepEqual(p.strangers, [], `${what} asked other hosts`);
  assert.deepEqual(p.complaints, [], `${what} complained`);
}

let receipt;
const words = "kanarejka-words: made up, an inspector asks for money";

test("a witness reports from a small phone", async () => {
  const p = await openPage(browser, demo.url, phone);
  const { page } = p;
  await page.goto(`${demo.url}/en/report`);
  await shot(page, "report-1");
  assert.deepEqual(await axe(page), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `the report page is ${wide} px wide on a phone of 360`);
  const story = { text: words, when: "yesterday", where: "at a crossing", fear: "kanarejka-fear", consent: ["place"], files: film };
  receipt = await report(page, demo.url, story, async (step) => {
    if (step !== "receipt") return;
    await shot(page, "report-2-receipt");
    assert.deepEqual(await axe(page), []);
  });
  assert.equal((await page.textContent("#receipt-last")).trim(), receipt);
  await page.click("#forget");
  await shot(page, "report-done");
  assert.deepEqual(await axe(page), []);
  const left = await page.evaluate(async () => ({
    local: localStorage.length, session: sessionStorage.length, cookies: document.cookie,
    files: await (async () => { const names = []; for await (const n of (await navigator.storage.getDirectory()).keys()) names.push(n); return names; })(),
    databases: (await indexedDB.databases()).length, workers: (await navigator.serviceWorker?.getRegistrations() ?? []).length,
  }));
  assert.deepEqual(left, { local: 0, session: 0, cookies: "", files: [], databases: 0, workers: 0 }, "something is left in the browser");
  quiet(p, "the report page");
  await p.context.close();
});

let caseURL;

test("the desk collects, covers and writes", async () => {
  const p = await signIn(browser, demo, demo.people[0]);
  const { page } = p;
  assert.deepEqual(await axe(page), []);
  await shot(page, "desk-home");
  await collect(page, demo);
  await shot(page, "desk-inbox");
  assert.deepEqual(await axe(page), []);
  await press(page, ".list a");
  assert.match(await page.textContent("main"), /kanarejka-words/);
  assert.deepEqual(await axe(page), []);
  await shot(page, "desk-report");
  await press(page, 'form[action$="/open"] button');
  caseURL = page.url().split("#")[0];
  assert.deepEqual(await axe(page), []);
  await shot(page, "desk-case");

  await page.goto(await page.locator('a[href*="/originals/"]').first().evaluate((a) => a.href));
  await until(page, 'a[href$="/mark"]');
  const original = page.url();
  await press(page, 'a[href$="/mark"]');
  await coverMiddle(page);
  await shot(page, "desk-marker");
  assert.deepEqual(await axe(page), []);
  await page.goto(original);
  await press(page, 'form[action$="/render"] button');
  await page.goto(original);
  await until(page, 'video[src*="/media/derivative/"]', 300);
  await shot(page, "desk-rendered");
  await answerHits(page, original);
  assert.deepEqual(await axe(page), []);

  await page.goto(`${caseURL}/record`);
  await shot(page, "desk-record");
  assert.deepEqual(await axe(page), []);
  await fillRecord(page);
  await until(page, 'form[action$="/publish/propose"] button', 5);
  await tickAll(page, 'form[action$="/publish/propose"]');
  await press(page, 'form[action$="/publish/propose"] button');
  await page.goto(`${demo.desk}/en/publish`);
  await shot(page, "desk-publish");
  assert.deepEqual(await axe(page), []);
  quiet(p, "the desk");
  await p.context.close();
});

test("a second person looks, signs and it is published", async () => {
  const p = await signIn(browser, demo, demo.people[1]);
  const { page } = p;
  await page.goto(`${demo.desk}/en/publish`);
  await press(page, 'main a[href*="/publish/"]');
  const proposal = page.url();
  for (const href of await page.locator('a[href*="/preview/"]').evaluateAll((all) => all.map((a) => a.href))) {
    const preview = await p.context.newPage();
    await preview.goto(href);
    assert.match(await preview.textContent("main"), /Made up: money is demanded/);
    await preview.close();
  }
  await page.goto(proposal);
  await shot(page, "desk-proposal");
  assert.deepEqual(await axe(page), []);
  for (const name of ["covers", "words", "place"]) await page.check(`input[name="${name}"]`);
  await tickAll(page, 'form[action$="/approve"]');
  await press(page, 'form[action$="/approve"] button');

  await page.goto(caseURL);
  await page.fill("#text", "Made up: thank you. It is published.");
  await press(page, 'form[action$="/replies"] button');
  await until(page, ".state-ok");
  quiet(p, "the second person's desk");
  await p.context.close();
});

test("a reader reads it on a phone", async () => {
  const p = await openPage(browser, demo.url, phone);
  const { page } = p;
  for (let tries = 0; ; tries++) {
    await page.goto(`${demo.url}/en/index.html`);
    if (/money is demanded at a crossing/.test(await page.textContent("main"))) break;
    assert.ok(tries < 60, "the record does not appear on the front page");
    await page.waitForTimeout(500);
  }
  await shot(page, "site-front");
  assert.deepEqual(await axe(page), []);
  await press(page, 'main a:has-text("money is demanded at a crossing")');
  await shot(page, "site-record");
  assert.match(await page.textContent("main"), /four seconds/);
  assert.deepEqual(await axe(page), []);
  assert.equal(await page.locator("script").count(), 0, "a reading page has a script");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `the record page is ${wide} px wide`);

  // The published film is black where it was covered, in every frame.
  const href = await page.locator('a[href$=".mp4"]').first().evaluate((a) => a.href);
  const gray = execFileSync("ffmpeg", ["-v", "error", "-i", href, "-vf", "crop=iw/5:ih/5:iw*2/5:ih*2/5,format=gray", "-f", "rawvideo", "-"], { maxBuffer: 1 << 28 });
  assert.ok(gray.length > 1000, "no frame was decoded");
  assert.ok(Math.max(...sample(gray)) < 40, "the cover lets something through");

  for (const lang of ["kk", "ky", "uz", "uz-cyrl", "tg", "tk", "ru", "en"]) {
    await page.goto(`${demo.url}/${lang}/index.html`);
    assert.deepEqual(await axe(page), [], `front page in ${lang}`);
  }
  for (const name of ["list/1", "map", "about", "keys", "mirrors", "verify", "report"]) {
    await page.goto(`${demo.url}/en/${name}.html`);
    assert.deepEqual(await axe(page), [], name);
  }
  await shot(page, "site-report");
  await page.goto(`${demo.url}/en/search?q=crossing`);
  assert.match(await page.textContent("main"), /money is demanded at a crossing/);
  assert.deepEqual(await axe(page), []);
  await page.goto(`${demo.url}/en/nothing-here`);
  assert.deepEqual(await axe(page), []);
  quiet({ strangers: p.strangers, complaints: p.complaints.filter((c) => !/404/.test(c)) }, "the site");
  await p.context.close();
});

function* sample(bytes) {
  for (let i = 0; i < bytes.length; i += 101) yield bytes[i];
}

test("reading needs no JavaScript", async () => {
  const p = await openPage(browser, demo.url, { ...laptop, javaScriptEnabled: false });
  await p.page.goto(`${demo.url}/en/report`);
  assert.match(await p.page.innerText("main"), /This page cannot seal/);
  await p.page.goto(`${demo.url}/en/list/1.html`);
  assert.match(await p.page.textContent("main"), /money is demanded/);
  await p.context.close();
});

test("the receipt opens the answer", async () => {
  const p = await openPage(browser, demo.url, phone);
  await p.page.goto(`${demo.url}/en/replies`);
  assert.deepEqual(await axe(p.page), []);
  await openReplies(p.page, demo.url, receipt);
  assert.match(await p.page.textContent("main"), /thank you. It is published/);
  await shot(p.page, "replies");
  assert.deepEqual(await axe(p.page), []);
  quiet(p, "the replies page");
  await p.context.close();
});

test("nothing the witness told lies on the node or in the edition", () => {
  for (const dir of ["node", "desk/edition"]) {
    const found = execFileSync("sh", ["-c", 'grep -rl "kanarejka" "$1" || true', "sh", path.join(demo.dir, dir)], { encoding: "utf8" });
    assert.equal(found, "", dir);
  }
});
