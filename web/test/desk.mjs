// A person at the desk, in a real browser: marks a film by mouse, keyboard and
// touch, without a script too, and looks at every page with axe. Started by
// TestMarkerInABrowser with the address of a desk, a name and a passphrase.
import assert from "node:assert/strict";
import { address, broken, browser, foreign, person, problemsOf, saved, shot, unsaved } from "./person.mjs";

// box tells where a box lies, in pixels of the picture.
async function box(page, n = 0) {
  return page.locator(".marker-box").nth(n).evaluate((b) => {
    const [x, y, w, h] = /left (-?\d+), top (-?\d+), width (\d+), height (\d+)/.exec(b.getAttribute("aria-label")).slice(1).map(Number);
    return { x, y, w, h };
  });
}

async function marker(page) {
  await page.goto(`${address}/en/originals/1/mark`);
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  assert.ok(await page.isHidden(".marker-plain"), "the form of numbers is put away");
  assert.ok(await page.isHidden(".marker-mismatch") && (await page.isHidden(".marker-unplayable")), "the film is shown as the renderer sees it");
}

// shade tells how much of a pixel of the picture is hidden: 0 to 255.
async function shade(page, x, y) {
  return page.locator(".marker-shade").evaluate((c, [px, py]) => c.getContext("2d").getImageData(Math.round((px / 320) * c.width), Math.round((py / 240) * c.height), 1, 1).data[3], [x, y]);
}

// at is where a pixel of the picture is on the screen now.
async function at(page, x, y) {
  const layer = await page.locator(".marker-layer").boundingBox();
  return [layer.x + (x / 320) * layer.width, layer.y + (y / 240) * layer.height];
}

async function drag(page, from, to) {
  await page.locator(".marker-layer").scrollIntoViewIfNeeded();
  await page.mouse.move(...(await at(page, ...from)));
  await page.mouse.down();
  await page.mouse.move(...(await at(page, ...to)), { steps: 5 });
  await page.mouse.up();
}

// By mouse: draw, move, resize, and see that the film obeys. A film begins
// hidden, and the page says that nothing is shown.
const page = await person();
await marker(page);
assert.ok(await page.isChecked('.marker-begin[value="covered"]'), "a film begins hidden");
assert.equal(await page.locator(".marker-questions li").count(), 1, "a film of which nothing is shown is asked about");
assert.equal(await shade(page, 10, 10), 255, "the shade lies over all of it");
await shot(page, "hidden");
await drag(page, [200, 150], [300, 220]);
assert.match(await page.locator(".marker-box").first().getAttribute("aria-label"), /shows what is under it/, "in a hidden picture a box reveals");
assert.deepEqual([await shade(page, 250, 180), await shade(page, 100, 100)], [0, 255], "the shade has a hole where something is revealed");
await page.click('[data-do="undo"]');
await page.check('.marker-begin[value="open"]');
assert.equal(await shade(page, 10, 10), 0, "an open picture has no shade");
await drag(page, [40, 30], [100, 90]);
let got = await box(page);
for (const [key, want] of Object.entries({ x: 40, y: 30, w: 60, h: 60 })) assert.ok(Math.abs(got[key] - want) <= 1, `drawn: ${key} is ${got[key]}, want ${want}`);
await unsaved(page).catch(() => {});
await saved(page);

await page.click('[data-do="forward-second"]');
await page.waitForFunction(() => Math.abs(document.querySelector("video").currentTime - 1) < 0.06 && !document.querySelector("video").seeking);
await drag(page, [60, 60], [160, 110]);
got = await box(page);
assert.ok(Math.abs(got.x - 140) <= 1 && Math.abs(got.y - 80) <= 1, `moved: at ${got.x}, ${got.y}, want 140, 80`);

// Between the two moments it lies on the line, as the renderer will have it.
await page.locator(".marker-scrub").evaluate((s) => {
  s.value = "500";
  s.dispatchEvent(new Event("input"));
});
await page.waitForFunction(() => Math.abs(document.querySelector("video").currentTime - 0.5) < 0.06 && !document.querySelector("video").seeking);
got = await box(page);
assert.ok(Math.abs(got.x - 90) <= 6 && Math.abs(got.y - 55) <= 4, `in between: at ${got.x}, ${got.y}, want about 90, 55`);

// By keyboard: a new box, moved, resized, taken away, brought back.
await page.focus(".marker-layer");
await page.keyboard.press("n");
await page.waitForFunction(() => document.querySelectorAll(".marker-box").length === 2);
const fresh = await box(page, 1);
await page.keyboard.press("ArrowRight");
await page.keyboard.press("ArrowDown");
await page.keyboard.press("Shift+ArrowRight");
got = await box(page, 1);
assert.deepEqual([got.x - fresh.x, got.y - fresh.y, got.w - fresh.w], [2, 2, 2], "arrows move, Shift and arrows resize");
await page.keyboard.press("Delete");
assert.equal(await page.locator(".marker-box").count(), 1, "Delete takes the box away");
await page.keyboard.press("Control+z");
assert.equal(await page.locator(".marker-box").count(), 2, "Ctrl Z brings it back");
const before = await page.evaluate(() => document.querySelector("video").currentTime);
await page.focus(".marker-layer");
await page.keyboard.press(".");
await page.waitForFunction((t) => document.querySelector("video").currentTime > t, before);
const stepped = (await page.evaluate(() => document.querySelector("video").currentTime)) - before;
assert.ok(stepped > 0.02 && stepped < 0.16, `one frame of a tenth of a second: stepped ${stepped}`);

// Solid preview, sound by dragging, everything named for a screen reader.
await page.click('[data-do="preview"]');
assert.equal(await page.locator(".marker-shade").evaluate((c) => getComputedStyle(c).opacity), "1", "the preview is solid");
await shot(page, "preview");
await page.click('[data-do="preview"]');
await page.uncheck(".marker-mute-all");
async function soundDrag(from, to) {
  await page.locator(".marker-sound").scrollIntoViewIfNeeded();
  const sound = await page.locator(".marker-sound").boundingBox();
  await page.mouse.move(sound.x + sound.width * from, sound.y + 5);
  await page.mouse.down();
  await page.mouse.move(sound.x + sound.width * to, sound.y + 5, { steps: 4 });
  await page.mouse.up();
}
await soundDrag(0.25, 0.5);
assert.equal(await page.locator(".marker-mutes .marker-muted").count(), 1, "a drag along the sound bar mutes");
await page.check(".marker-mute-all");
await soundDrag(0.6, 0.8);
assert.equal(await page.locator(".marker-mutes .marker-kept").count(), 1, "when all is muted a drag keeps");
await page.fill(".marker-kept input", "a siren");
await page.selectOption(".marker-language", "ru");
await page.click('[data-sound="add-line"]');
await page.keyboard.type("Стой");
await page.keyboard.press("Tab");
await page.selectOption(".marker-language", "en");
await page.fill(".marker-line textarea", "Stop");
await page.selectOption(".marker-speak", "ru");
await page.uncheck(".marker-mute-all");
assert.ok(await page.isVisible(".marker-speak-mute"), "two voices at once are warned of");
await page.waitForSelector('.marker-save[data-state="refused"]'); // and not saved
await page.check(".marker-mute-all");
await saved(page);

// Shots: cut at the moment, hide one, and see it hidden.
await page.locator(".marker-scrub").evaluate((s) => {
  s.value = "1000";
  s.dispatchEvent(new Event("input"));
});
await page.locator(".marker-shotbar button", { hasText: "Cut it here" }).click();
await page.locator(".marker-shotbar button", { hasText: "Hide this shot" }).click();
assert.equal(await shade(page, 5, 235), 255, "a hidden shot is hidden");
assert.equal(await page.locator(".marker-shot").count(), 2, "two shots stand on the bar");
await page.click('[data-do="closer"]');
await page.click('[data-do="whole-film"]');

// A box that ends inside film and picture is a question; a person answers it.
await page.locator(".marker-card-head").first().click();
await page.locator('[data-key^="widen "]').first().click();
await page.locator('[data-key^="to "]').first().fill("0:00.600");
await page.keyboard.press("Tab");
await saved(page);
const ask = page.locator(".marker-questions li", { hasText: "ends in the middle" });
await ask.waitFor();
await shot(page, "asked");
await ask.locator("button", { hasText: "nothing to see after" }).click();
await ask.waitFor({ state: "detached" });
await page.focus(".marker-layer");
await page.keyboard.press("?");
assert.ok(await page.isVisible(".marker-help"), "a key shows the keys");
await shot(page, "help");
await page.keyboard.press("Escape");
await page.check(".marker-reviewed");
await saved(page);
await page.click('[data-do="undo"]');
await page.click('[data-do="redo"]');
await page.waitForTimeout(900);
await saved(page);
await shot(page, "worked");

// Another window saves; this one is told and nothing is overwritten by itself.
const other = await page.context().newPage();
await other.goto(`${address}/en/originals/1/mark`);
await other.waitForSelector(".marker-card");
await other.uncheck(".marker-reviewed");
await other.waitForTimeout(900);
await saved(other);
await page.focus(".marker-layer");
await page.keyboard.press("n");
await page.waitForSelector('.marker-save[data-state="conflict"]');
assert.ok(await page.isVisible('[data-do="overwrite"]'), "the person decides");
await page.click('[data-do="overwrite"]');
await saved(page);
assert.ok(!broken.some((b) => !b.includes("409") && !b.includes("422")), broken.join("\n"));
broken.length = 0;
await other.close();

// By touch, on a tablet.
const tablet = await person({ viewport: { width: 800, height: 1100 }, hasTouch: true });
await marker(tablet);
const count = await tablet.locator(".marker-box").count();
const touch = await tablet.context().newCDPSession(tablet);
async function finger(type, ...spot) {
  const [x, y] = spot.length ? await at(tablet, ...spot) : [];
  await touch.send("Input.dispatchTouchEvent", { type, touchPoints: spot.length ? [{ x, y }] : [] });
}
await tablet.locator(".marker-layer").scrollIntoViewIfNeeded();
await finger("touchStart", 220, 150);
await finger("touchMove", 260, 180);
await finger("touchMove", 300, 210);
await finger("touchEnd");
assert.equal(await tablet.locator(".marker-box").count(), count + 1, "a finger draws");
await saved(tablet);
await shot(tablet, "tablet");
await tablet.context().close();

// Without a script the numbers are there to be read and changed.
const plain = await person({ javaScriptEnabled: false });
await plain.goto(`${address}/en/originals/1/mark`);
assert.ok((await plain.isVisible(".marker-plain")) && (await plain.isHidden(".marker")), "the form of numbers stands in");
assert.match(await plain.inputValue("#shots"), /^0:00.000 0:01.\d+ \+\n0:01.\d+ 0:02.000 -$/);
assert.match(await plain.inputValue("#keeps"), /a siren$/);
assert.match(await plain.inputValue("#lines-ru"), /Стой$/);
await shot(plain, "plain");
await plain.fill("#label-1", "a face");
await plain.selectOption('[name="speak"]', ""); // what is not in its language cannot be spoken
await plain.fill("#lines-en", (await plain.inputValue("#lines-en")) + "\n0:01.900 0:02 And go");
await plain.click(".marker-plain button");
assert.equal(await plain.inputValue("#label-1"), "a face");
assert.match(await plain.inputValue("#lines-en"), /Stop\n0:01.900 0:02.000 And go$/);
await plain.context().close();

// Of a film from a telephone this browser knows the sound alone. It plays a copy
// from the box, on which boxes lie where they are drawn.
const blind = await person();
const second = `${address}/en/originals/2/mark`;
await blind.goto(second);
await blind.waitForSelector(".marker-unplayable:not([hidden])");
await shot(blind, "unplayable");
await blind.click("details.viewing button");
for (let n = 0; n < 300 && (await blind.locator("[data-copy]").count()) === 0; n++) {
  await blind.waitForTimeout(200);
  await blind.goto(second);
}
await blind.waitForFunction(() => document.querySelector("video").readyState >= 2 && document.querySelector("video").videoWidth > 0);
assert.ok(await blind.isHidden(".marker-mismatch") && (await blind.isHidden(".marker-unplayable")), "the copy is shown");
await drag(blind, [40, 30], [100, 90]);
got = await box(blind);
for (const [key, want] of Object.entries({ x: 40, y: 30, w: 60, h: 60 })) assert.ok(Math.abs(got[key] - want) <= 1, `on the copy: ${key} is ${got[key]}, want ${want}`);
await saved(blind);
await shot(blind, "viewing");
await blind.context().close();

// Of a piece of a longer film this browser keeps the clock: nothing is marked by it.
const piece = await person();
await piece.goto(`${address}/en/originals/3/mark`);
await piece.waitForSelector(".marker-late:not([hidden])");
assert.ok((await piece.isHidden(".marker-layer")) && (await piece.isVisible("details.viewing button")), "marking is off, and a viewing copy is offered");
await shot(piece, "piece");
await piece.context().close();

// Every page on a phone, and wide in the dark.
const paths = ["/", "/work", "/inbox", "/cases", "/cases/1", "/cases/1/custody", "/cases/1/record", "/originals/1", "/originals/1/traces", "/originals/1/mark", "/publish", "/people", "/custody", "/nowhere"];
const problems = [];
for (const [label, options] of [["phone", { viewport: { width: 360, height: 740 } }], ["dark", { colorScheme: "dark" }]]) {
  const reader = await person({ ...options, bypassCSP: true });
  for (const path of [...paths, "/sign-in"]) {
    if (path === "/sign-in") await reader.context().clearCookies();
    await reader.goto(`${address}/en${path}`);
    if (path.endsWith("/mark")) await shot(reader, `marker-${label}`);
    problems.push(...(await problemsOf(reader, `${path} (${label})`)));
  }
  await reader.context().close();
}
await browser.close();
assert.deepEqual(problems, []);
assert.deepEqual(foreign, [], "a request left for another host");
assert.deepEqual(broken.filter((b) => !b.includes("404")), []);
console.log("ok");
