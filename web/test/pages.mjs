// A person at the desk, in a real browser: marks a photo with a free shape and
// answers what a machine suggests, and pages through a document by button, key,
// number and finger. Started by TestPagesInABrowser.
import assert from "node:assert/strict";
import { address, broken, browser, foreign, person, problemsOf, saved, shot, unsaved } from "./person.mjs";

const standing = (page) => page.evaluate(async () => (await fetch(document.querySelector(".marker").dataset.save)).json());
const shown = (page) => page.waitForFunction(() => {
  const img = document.querySelector(".marker-fit img");
  return img?.complete && img.naturalWidth > 0 && !document.querySelector(".marker-turning");
});

// at is where a place of the picture, in parts of it, is on the screen.
async function at(page, x, y) {
  const layer = await page.locator(".marker-layer").boundingBox();
  return [layer.x + x * layer.width, layer.y + y * layer.height];
}

async function drag(page, from, to) {
  await page.locator(".marker-layer").scrollIntoViewIfNeeded();
  await page.mouse.move(...(await at(page, ...from)));
  await page.mouse.down();
  await page.mouse.move(...(await at(page, ...to)), { steps: 4 });
  await page.mouse.up();
}

// The photo is a PNG with two heads. It is marked on a picture from the box.
const page = await person();
await page.goto(`${address}/en/originals/1/mark`);
await shown(page);
assert.match(await page.locator(".marker-fit img").getAttribute("src"), /^\/media\/view\/1\/0$/);
assert.ok(await page.isHidden(".marker-mismatch"), "the picture has the shape that the renderer sees");

// A machine is stopped, and asked again; one suggestion is covered, one left.
await page.click('[data-do="look"]');
await page.click('[data-do="machine-stop"]');
await page.waitForSelector(".marker-machine", { state: "hidden" });
assert.match(await page.textContent(".marker-say"), /stopped|cancelled/i, "a stopped job is said to be stopped");
assert.equal((await standing(page)).version, 0, "what was stopped changed nothing");
await page.click('[data-do="look"]');
await page.waitForSelector(".marker-suggestion", { timeout: 120_000 });
const found = (await standing(page)).plan.suggestions.length;
assert.ok(found >= 2, `a machine sees ${found} of two heads`);
await page.check('.marker-begin[value="open"]');
await page.click(".marker-now-asked .marker-answers .primary");
for (let left = found - 1; left > 0; left--) {
  await page.locator(".marker-now-asked .marker-answers input").fill("made up: she agreed");
  await page.locator(".marker-now-asked .marker-answers button", { hasText: /^Leave/ }).click();
}
await page.waitForFunction(() => !document.querySelector(".marker-now-asked .marker-answers"));

// A free shape, corner by corner; its last corner closes it.
await page.click('[data-do="shape"]');
const shape = [[0.1, 0.7], [0.4, 0.75], [0.2, 0.95]];
await page.locator(".marker-layer").scrollIntoViewIfNeeded();
for (const corner of [...shape, shape[0]]) await page.mouse.click(...(await at(page, ...corner)));
await page.waitForSelector(".marker-outlines polygon", { state: "attached" });
await page.check(".marker-reviewed");
await page.waitForTimeout(800);
await saved(page);
await shot(page, "photo");
const photo = await standing(page);
assert.deepEqual(photo.questions, []);
assert.deepEqual(photo.plan.suggestions.map((s) => s.answer).sort(), ["cover", ...Array(found - 1).fill("leave")]);
assert.equal(photo.plan.boxes.find((b) => b.corners)?.corners.length, 3);

// The document begins hidden, page by page.
await page.goto(`${address}/en/originals/2/mark`);
await shown(page);
assert.ok(await page.isChecked('.marker-begin[value="covered"]'), "a document begins hidden");
assert.match(await page.textContent(".marker-page-text"), /Page 1 of 3 · readers see nothing of it/);
assert.ok(await page.isDisabled('[data-do="page-back"]'));

// One that is to begin open asks about every page that was not on the screen.
await page.check('.marker-begin[value="open"]');
await page.waitForTimeout(800);
await saved(page);
assert.deepEqual((await standing(page)).questions.map((q) => [q.kind, q.page]), [["unseen", 2], ["unseen", 3]]);
assert.match(await page.textContent(".marker-questions"), /page 2.*not had it on the screen/i);
await shot(page, "document-unseen");
await page.locator(".marker-questions button").first().click();
await shown(page);
assert.match(await page.textContent(".marker-page-text"), /Page 2 of 3/, "a question leads to its page");
await page.waitForFunction(() => document.querySelectorAll(".marker-questions li").length === 1);
assert.ok(await page.evaluate(() => document.activeElement?.classList.contains("marker-layer")), "after a question the keys turn pages");
await page.check('.marker-begin[value="covered"]');

// What the browser still had to say of the page before is not said of this one:
// until its own picture is there, nothing can be drawn on it.
assert.ok(await page.evaluate(() => {
  const before = document.querySelector(".marker-fit img");
  document.querySelector('[data-do="page-back"]').click();
  before.dispatchEvent(new Event("load"));
  return !!document.querySelector(".marker-turning");
}), "a load that was queued for one page is taken for another's");
await shown(page);
const upright = await page.locator(".marker-layer").boundingBox();
assert.ok(upright.height > upright.width, "an upright page stands");
await drag(page, [0.1, 0.1], [0.6, 0.3]);
assert.match(await page.locator(".marker-box").first().getAttribute("aria-label"), /shows what is under it/);
assert.match(await page.textContent(".marker-page-text"), /^Page 1 of 3$/);

// By button and by key; on the lying page nothing of the first one is seen.
await page.click('[data-do="page-forward"]');
await shown(page);
const lying = await page.locator(".marker-layer").boundingBox();
assert.ok(lying.width > lying.height, "a lying page lies");
assert.equal(await page.locator(".marker-box:visible").count(), 0, "a box stays on its page");
await page.focus(".marker-layer");
await page.keyboard.press("PageDown");
await shown(page);
assert.match(await page.textContent(".marker-page-text"), /Page 3 of 3/);
await page.keyboard.press("PageUp");
await shown(page);
await page.click('[data-do="shape"]');
await page.locator(".marker-layer").scrollIntoViewIfNeeded();
for (const corner of [[0.2, 0.2], [0.7, 0.25], [0.3, 0.8], [0.2, 0.2]]) await page.mouse.click(...(await at(page, ...corner)));
await page.waitForSelector(".marker-outlines polygon", { state: "attached" });
await shot(page, "document");

// By number; undo goes to the page where it does something, and saves itself.
await page.fill(".marker-page", "9");
await page.locator(".marker-page").blur();
await shown(page);
assert.equal(await page.inputValue(".marker-page"), "3", "there is no page 9");
await page.focus(".marker-layer");
await page.keyboard.press("Control+z");
await shown(page);
assert.match(await page.textContent(".marker-page-text"), /Page 2 of 3/);
assert.equal(await page.locator(".marker-outlines polygon").count(), 0, "the shape is taken back");
await page.click('[data-do="redo"]');
await unsaved(page).catch(() => {}); // it may be saved already
await saved(page);
const first = await standing(page);
assert.deepEqual(first.plan.boxes.map((b) => [b.page, b.reveal]), [[1, true], [2, true]]);

// The list leads to the page of a box.
await page.locator(".marker-card-head", { hasText: /page 1/ }).click();
await shown(page);
assert.match(await page.textContent(".marker-page-text"), /Page 1 of 3/);
await page.context().close();

// On a tablet by finger.
const tablet = await person({ viewport: { width: 820, height: 1180 }, hasTouch: true, isMobile: true });
await tablet.goto(`${address}/en/originals/2/mark`);
await shown(tablet);
await tablet.tap('[data-do="page-forward"]');
await shown(tablet);
await tablet.tap('[data-do="page-forward"]');
await shown(tablet);
await tablet.locator(".marker-layer").scrollIntoViewIfNeeded();
const touch = await tablet.context().newCDPSession(tablet);
const [x0, y0] = await at(tablet, 0.2, 0.2);
const [x1, y1] = await at(tablet, 0.5, 0.4);
await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: x0, y: y0 }] });
for (const part of [0.5, 1]) await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [{ x: x0 + part * (x1 - x0), y: y0 + part * (y1 - y0) }] });
await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
await tablet.locator(".marker-card").nth(2).waitFor();
await tablet.check(".marker-reviewed");
await tablet.waitForTimeout(800);
await saved(tablet);
await shot(tablet, "document-tablet");
const third = await standing(tablet);
assert.deepEqual(third.plan.boxes.map((b) => b.page), [1, 2, 3]);
assert.deepEqual(third.questions, []);
await tablet.context().close();

// Without a script the numbers are there, each with its page.
const plain = await person({ javaScriptEnabled: false });
await plain.goto(`${address}/en/originals/2/mark`);
assert.equal(await plain.inputValue("#page-2"), "2");
await plain.fill("#label-3", "a stamp");
await plain.click(".marker-plain button");
assert.equal(await plain.inputValue("#label-3"), "a stamp");
await shot(plain, "document-plain");
await plain.context().close();

// Both are made; what another detector sees is answered.
const maker = await person();
for (const id of [1, 2]) {
  await maker.goto(`${address}/en/originals/${id}`);
  await maker.click('form[action$="/render"] button');
}
for (const id of [1, 2]) {
  for (let tries = 0; ; tries++) {
    await maker.goto(`${address}/en/originals/${id}`);
    if (await maker.locator('img[src*="/media/derivative/"]').count()) break;
    assert.ok(tries < 240, `original ${id} is not made: ${await maker.textContent("main")}`);
    await maker.waitForTimeout(500);
  }
}
await maker.goto(`${address}/en/originals/1`);
const why = 'form[action*="/hits/"] input[name="why"]';
assert.ok(await maker.locator(why).count(), "another detector does not see the head that was left open");
for (let n = 0; await maker.locator(why).count(); n++) {
  assert.ok(n < 20, "hits do not end");
  await maker.locator(why).first().fill("made up: she agreed");
  await Promise.all([maker.waitForNavigation(), maker.locator('form[action*="/hits/"] button').first().click()]);
}
await shot(maker, "answered");
await maker.context().close();

// Every page on a phone.
const problems = [];
const phone = await person({ viewport: { width: 360, height: 740 }, bypassCSP: true });
for (const path of ["/originals/1/mark", "/originals/2/mark", "/originals/2"]) {
  await phone.goto(`${address}/en${path}`);
  problems.push(...(await problemsOf(phone, path)));
  await shot(phone, `phone${path.replaceAll("/", "-")}`);
}
await phone.context().close();
await browser.close();
assert.deepEqual(problems, []);
assert.deepEqual(foreign, [], "a request left for another host");
assert.deepEqual(broken, []);
console.log("ok");
