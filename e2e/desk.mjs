// What a person of the desk does in its pages. Used by the browser tests.
import { openPage, laptop, shot } from "./harness.mjs";

/** Signs a person in; gives { page, context, strangers, complaints }. */
export async function signIn(browser, demo, name) {
  const p = await openPage(browser, demo.desk, laptop);
  await p.page.goto(`${demo.desk}/en/sign-in`);
  await p.page.selectOption("#name", name);
  await p.page.fill("#passphrase", demo.passphrase);
  await Promise.all([p.page.waitForURL(/\/en\/$/), p.page.click("form .primary")]);
  return p;
}

/** Clicks a button and waits for the page that follows. */
export async function press(page, selector) {
  await Promise.all([page.waitForLoadState("load"), page.click(selector)]);
}

/** Loads the page again until it holds the selector. */
export async function until(page, selector, seconds = 120) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (await page.locator(selector).count()) return;
    if (Date.now() > end) throw new Error(`${selector} does not appear on ${page.url()}`);
    await page.waitForTimeout(500);
    await page.reload();
  }
}

/** Ticks the list of what leads to a person, in the form of a selector. */
export async function tickAll(page, form) {
  for (const box of await page.locator(`${form} input[name="checked"]`).all()) await box.check();
}

/** Collects from the nodes and waits until the errand is over. */
export async function collect(page, demo) {
  await page.goto(`${demo.desk}/en/`);
  await press(page, 'form[action$="/collect"] button');
  await page.goto(`${demo.desk}/en/inbox`);
  await until(page, ".list .state-ok");
}

/** Draws a box over the middle of the film in the marker and waits until it is saved. */
export async function coverMiddle(page) {
  const layer = page.locator(".marker-layer");
  await layer.waitFor();
  await page.waitForFunction(() => {
    const v = document.querySelector(".marker video, .marker img");
    return v && (v.readyState >= 2 || v.complete);
  });
  // The film begins hidden; this person shows everything but what they cover.
  await page.check('.marker-begin[value="open"]');
  await layer.scrollIntoViewIfNeeded();
  const box = await layer.boundingBox();
  const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
  await page.mouse.move(...at(0.35, 0.3));
  await page.mouse.down();
  await page.mouse.move(...at(0.5, 0.5), { steps: 5 });
  await page.mouse.move(...at(0.65, 0.7), { steps: 5 });
  await page.mouse.up();
  await page.locator(".marker-list li").first().waitFor();
  await page.check(".marker-reviewed");
  await page.waitForSelector('.marker-save[data-state="saved"]');
}

/** Writes a record in English alone. */
export async function fillRecord(page) {
  for (const box of await page.locator('input[name="language"]').all()) await box.setChecked((await box.getAttribute("value")) === "en");
  await page.fill("#title", "Made up: money is demanded at a crossing");
  await page.fill("#summary", "A made-up record for a test of the road.");
  await page.fill("#known-0-words", "The film is four seconds long.");
  await page.fill("#from", "2026-11");
  await page.fill("#place-words", "Almaty");
  for (const e of await page.locator('input[name="exhibit"]').all()) await e.check();
  for (const e of await page.locator('input[name^="label."]').all()) await e.fill("Dashcam (made up)");
  for (const e of await page.locator('input[name^="covered."]').all()) await e.fill("The middle of the picture is covered, sound is muted.");
  await press(page, "main form .primary");
  for (const e of await page.locator('input[id^="warning-"]').all()) await e.fill("nobody can be recognised");
  await press(page, 'form[action$="/record"] .primary');
  await shot(page, "desk-record-filled");
}

/** Says of everything that another detector sees in the derivatives why it may be seen. */
export async function answerHits(page, original) {
  for (;;) {
    await page.goto(original);
    const why = page.locator('form[action*="/hits/"] input[name="why"]').first();
    if (!(await why.count())) return;
    await why.fill("made up: it is a test picture");
    await press(page, 'form[action*="/hits/"] button');
  }
}
