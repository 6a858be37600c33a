// WebKitGTK's own small browser, the nearest to Safari that runs here, by its driver. It
// has a screen of its own, as large as the phone or laptop that it stands for.
import { readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { Page, pause, started } from "./webdriver.mjs";

/** Where its driver takes a command (WebDriver, 6.3). */
const WAYS = {
  Navigate: "POST /url", ExecuteAsyncScript: "POST /execute/async", FindElement: "POST /element", ElementClick: "POST /element/{id}/click", ElementClear: "POST /element/{id}/clear",
  ElementSendKeys: "POST /element/{id}/value", IsElementSelected: "GET /element/{id}/selected", PerformActions: "POST /actions", TakeScreenshot: "GET /screenshot", SetWindowRect: "POST /window/rect",
};

/** Where Debian puts the browser. */
function binary() {
  for (const lib of readdirSync("/usr/lib").filter((name) => name.endsWith("-linux-gnu"))) {
    if (readdirSync(`/usr/lib/${lib}`).includes("webkit2gtk-4.1")) return `/usr/lib/${lib}/webkit2gtk-4.1/MiniBrowser`;
  }
  throw new Error("WebKitGTK's MiniBrowser is not there: tools/install.sh browsers");
}

const freePort = () => new Promise((yes) => {
  const s = createServer().listen(0, "127.0.0.1", () => {
    const { port } = s.address();
    s.close(() => yes(port));
  });
});

async function ask(url, method, body) {
  const answer = await fetch(url, { method, ...(method === "POST" ? { body: JSON.stringify(body) } : {}) });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${url}: ${value.error}: ${value.message}`);
  return value;
}

/** Opens a page on a screen of a size; home is a folder for what the browser keeps. */
export async function openWebKit({ width, height, home }) {
  const [screen, number] = await started("Xvfb", ["-displayfd", "3", "-screen", "0", `${width}x${height}x24`, "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] },
    (child) => new Promise((yes) => child.stdio[3].once("data", (b) => yes(String(b).trim()))));
  await mkdir(path.join(home, "gtk-3.0"));
  await writeFile(path.join(home, "gtk-3.0", "gtk.css"), "* { min-width: 0; padding: 0; margin: 0; border-width: 0; font-size: 1px; }"); // else its bar is wider than a phone
  const base = `http://127.0.0.1:${await freePort()}`;
  const env = {
    ...process.env, DISPLAY: `:${number}`, HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home, GDK_BACKEND: "x11", NO_AT_BRIDGE: "1",
    LIBGL_ALWAYS_SOFTWARE: "1", WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", // its own box does not fit into a container
  };
  const [driver] = await started("WebKitWebDriver", [`--port=${new URL(base).port}`], { env, stdio: "ignore" }, async () => {
    while (!(await fetch(`${base}/status`).then((r) => r.ok, () => false))) await pause(50);
  });
  let session = "";
  let over;
  const close = () => (over ??= (async () => {
    if (session) await ask(session, "DELETE").catch(() => {});
    for (const child of [driver, screen]) {
      child.kill();
      await child.over;
    }
  })());
  try {
    const options = { binary: binary(), args: ["--automation"] };
    const made = await ask(`${base}/session`, "POST", { capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options } } });
    session = `${base}/session/${made.sessionId}`;
    await ask(`${session}/timeouts`, "POST", { script: 60_000, pageLoad: 60_000 });
    const page = new Page((name, { id, ...body }) => {
      const [method, way] = WAYS[name].split(" ");
      return ask(session + way.replace("{id}", id), method, body);
    });
    await page.call("SetWindowRect", { x: 0, y: 0, width, height });
    return { page, close, version: `WebKitGTK ${made.capabilities.browserVersion}` };
  } catch (err) {
    await close();
    throw err;
  }
}
