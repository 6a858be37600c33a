// Browsers by WebDriver (W3C), with the words of Playwright's page that the walk uses and
// no others. firefox.mjs and webkit.mjs say how their browsers take its commands.
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
const SHOWN = (s) => {
  const e = document.querySelector(s);
  return e !== null && e.getClientRects().length > 0 && getComputedStyle(e).visibility === "visible";
};
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Starts a program; gives it once it says so, or an error when it ends before. */
export async function started(program, args, options, up) {
  const child = spawn(program, args, options);
  const ended = new Promise((_, no) => {
    child.on("error", no);
    child.on("exit", (code) => no(new Error(`${program} ended with ${code}`)));
  });
  ended.catch(() => {});
  child.over = new Promise((yes) => child.on("exit", yes).on("error", yes));
  return [child, await Promise.race([up(child), ended])];
}

export class Page {
  /** call takes a command's name and its parameters, and gives its value. */
  constructor(call) {
    this.call = call;
  }

  goto(url) {
    return this.call("Navigate", { url });
  }

  /** What a function gives in the page, of one argument. */
  async evaluate(f, argument = null) {
    const script = `const done = arguments[1]; Promise.resolve(arguments[0]).then(${f}).then((v) => done([v === undefined ? null : v]), (e) => done([null, String(e)]));`;
    const [value, error] = await this.call("ExecuteAsyncScript", { script, args: [argument] });
    if (error) throw new Error(error);
    return value;
  }

  /** Waits until a function gives something true in the page. */
  async waitForFunction(f, argument, { timeout = 30_000 } = {}) {
    for (const end = Date.now() + timeout; ; await pause(100)) {
      if (await this.evaluate(f, argument)) return;
      if (Date.now() > end) throw new Error(`never so: ${f} ${JSON.stringify(argument)}`);
    }
  }

  async waitForSelector(selector, options) {
    await this.waitForFunction(SHOWN, selector, options);
  }

  /** An element's name at the driver, once it is there. */
  async #find(selector) {
    await this.waitForFunction((s) => document.querySelector(s) !== null, selector);
    return (await this.call("FindElement", { using: "css selector", value: selector }))[ELEMENT];
  }

  async click(selector) {
    await this.waitForFunction((s) => document.querySelector(s)?.disabled === false || document.querySelector(s)?.disabled === undefined, selector);
    await this.call("ElementClick", { id: await this.#find(selector) });
  }

  async check(selector) {
    const id = await this.#find(selector);
    if (!(await this.call("IsElementSelected", { id }))) await this.call("ElementClick", { id });
  }

  async fill(selector, text) {
    const id = await this.#find(selector);
    await this.call("ElementClear", { id });
    await this.call("ElementSendKeys", { id, text });
  }

  async selectOption(selector, value) {
    await this.click(`${selector} option[value="${value}"]`);
  }

  async setInputFiles(selector, files) {
    await this.call("ElementSendKeys", { id: await this.#find(selector), text: [files].flat().join("\n") });
  }

  textContent(selector) {
    return this.evaluate((s) => document.querySelector(s).textContent, selector);
  }

  innerText(selector) {
    return this.evaluate((s) => document.querySelector(s).innerText, selector);
  }

  /** Presses in the window at one place and lets go at another. */
  async drag(from, to) {
    const move = ([x, y], duration) => ({ type: "pointerMove", origin: "viewport", x: Math.round(x), y: Math.round(y), duration });
    const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    const actions = [move(from, 0), { type: "pointerDown", button: 0 }, move(middle, 50), move(to, 50), { type: "pointerUp", button: 0 }];
    await this.call("PerformActions", { actions: [{ type: "pointer", id: "hand", parameters: { pointerType: "mouse" }, actions }] });
  }

  async screenshot({ path: file }) {
    await writeFile(path.resolve(file), Buffer.from(await this.call("TakeScreenshot", {}), "base64"));
  }
}
