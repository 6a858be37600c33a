// What a witness does in the pages, in whatever browser. Used by the browser tests.

/** Fills the report page as a person would, sends, and gives the receipt. look is called at every step with its name. */
export async function report(page, base, story, look = async () => {}) {
  await fillReport(page, base, story);
  await look("filled");
  const made = await toReceipt(page, look);
  await page.click("#seal-send");
  await page.waitForSelector("#step-done:not([hidden])", { timeout: 180_000 });
  return made;
}

export async function fillReport(page, base, { what = "bribe", files, consent = [], ...words }) {
  await page.goto(`${base}/en/report`);
  await page.waitForSelector("#to-receipt:enabled");
  await page.check(`input[name=what][value=${what}]`);
  for (const [field, text] of Object.entries(words)) await page.fill(`#${field}`, text);
  for (const name of consent) await page.check(`input[name=${name}]`);
  if (files) await page.setInputFiles("#files", files);
}

/** Goes on to the receipt, and through it with pencil and paper. */
export async function toReceipt(page, look = async () => {}) {
  await page.click("#to-receipt");
  await page.waitForSelector("#step-receipt:not([hidden])");
  await look("receipt");
  const made = (await page.textContent("#receipt")).trim();
  await page.click("#written");
  for (const n of [1, 2]) {
    const group = Number(/\d/.exec(await page.textContent(`#check-${n}-label`))[0]);
    await page.fill(`#check-${n}`, made.split("-")[group - 1]);
  }
  return made;
}

/** Opens the answers to a receipt. */
export async function openReplies(page, base, receipt) {
  await page.goto(`${base}/en/replies`);
  await page.waitForSelector("#fetch:enabled");
  await page.fill("#receipt", receipt);
  await (page.press ? page.press("#receipt", "Enter") : page.click("#fetch")); // not every driver has keys
  await page.waitForSelector("#answers:not([hidden])", { timeout: 300_000 });
}
