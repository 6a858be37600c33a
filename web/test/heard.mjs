// What a screen reader gets of a page, as Chromium's own tree of names has it, held against
// what everybody else sees. Used by the journeys in a browser.
import assert from "node:assert/strict";

const plain = (text) => text.replace(/\s+/g, " ").trim();

/**
 * heard gives what a screen reader gets of a page, in its order, each with all the text in it, and holds
 * that it has one main part, and headings that begin with the first level and leave none out.
 */
export async function heard(page, name) {
  const reader = await page.context().newCDPSession(page);
  const { nodes } = await reader.send("Accessibility.getFullAXTree");
  await reader.detach();
  const byId = new Map(nodes.map((n) => [n.nodeId, n]));
  const own = (n) => (n.ignored ? "" : (n.name?.value ?? ""));
  const text = (n) => {
    if (n.role?.value === "StaticText" && !n.ignored) return own(n);
    const inside = (n.childIds ?? []).map((id) => (byId.has(id) ? text(byId.get(id)) : "")).join(" ");
    return ["link", "image", "button"].includes(n.role?.value) && own(n) ? own(n) : inside;
  };
  const inOrder = (n) => (n ? [n, ...(n.childIds ?? []).flatMap((id) => inOrder(byId.get(id)))] : []);
  const all = inOrder(nodes[0]).filter((n) => !n.ignored).map((n) => ({
    role: n.role?.value,
    name: own(n),
    text: plain(text(n)),
    ...Object.fromEntries((n.properties ?? []).map((p) => [p.name, p.value.value])),
  }));
  const levels = all.filter((n) => n.role === "heading").map((n) => n.level);
  assert.equal(all.filter((n) => n.role === "main").length, 1, name);
  assert.equal(levels.filter((l) => l === 1).length, 1, `${name}: ${levels}`);
  levels.reduce((before, l) => (assert.ok(l <= before + 1, `${name}: ${levels}`), l), 0);
  for (const n of all) if (["link", "button", "textbox", "combobox"].includes(n.role)) assert.notEqual(n.name.trim(), "", `${name} has a ${n.role} without a name`);
  return all;
}

const numbers = (text) => text.match(/\d+/g) ?? [];

/** listHeard holds that each report of a list is heard with all that stands beside it, and each picture by a name. */
export async function listHeard(page, name) {
  const all = await heard(page, name);
  const seen = await page.locator("ol.hits > li").evaluateAll((rows) => rows.map((r) => ({ link: r.querySelector("a").innerText, beside: r.querySelector("p").innerText })));
  const rows = all.filter((n) => n.role === "listitem").map((n) => n.text);
  assert.ok(seen.length > 0, name);
  for (const { link, beside } of seen) assert.ok(rows.some((r) => r.includes(plain(link)) && r.includes(plain(beside))), `${name}: «${link}», «${beside}» is not heard`);
  const pictures = all.filter((n) => n.role === "image");
  assert.equal(pictures.length, await page.locator("main img").count(), name);
  for (const p of pictures) assert.notEqual(p.name.trim(), "", name);
  return seen;
}

/**
 * scoreHeard holds that every number of a scoreboard is heard in its cell, every cell has its headers, and
 * each bar says in words what its parts show: of those told how many stand how.
 */
export async function scoreHeard(page, name) {
  const all = await heard(page, name);
  const of = (...roles) => all.filter((n) => roles.includes(n.role));
  const seen = await page.evaluate(() => {
    const main = document.querySelector("main");
    const texts = (what) => [...main.querySelectorAll(what)].map((e) => e.innerText);
    return {
      cells: texts("td"), rows: texts("th[scope=row]"), columns: texts("th[scope=col]"), tables: main.querySelectorAll("table").length,
      months: main.querySelectorAll(".months li").length,
      bars: [...main.querySelectorAll("svg.bar")].filter((b) => !b.closest("[aria-hidden]")).map((b) => ({
        label: b.getAttribute("aria-label"), parts: Object.fromEntries([...b.querySelectorAll("rect:not(.bar-none)")].map((r) => [r.getAttribute("class"), Number(r.getAttribute("width"))])),
      })),
    };
  });
  const cells = of("cell", "gridcell");
  assert.ok(seen.cells.length > 0 && seen.tables === of("table").length, `${name}: ${seen.tables} tables, ${of("table").length} heard`);
  assert.equal(cells.length, seen.cells.length, name);
  for (const [i, text] of seen.cells.entries()) for (const n of numbers(text)) assert.ok(numbers(cells[i].text).includes(n), `${name}: of «${text}» is heard «${cells[i].text}»`);
  for (const [role, texts] of [["rowheader", seen.rows], ["columnheader", seen.columns]]) {
    const said = of(role);
    assert.equal(said.length, texts.length, `${name}: ${role}`);
    for (const [i, text] of texts.entries()) assert.equal(said[i].text, plain(text), name);
  }
  for (const { label, parts } of seen.bars) {
    assert.ok(of("image").some((n) => n.name === label), `${name}: the bar «${label}» is not heard`);
    const [told, ...counts] = numbers(label).map(Number);
    for (const [i, part] of ["confirmed", "claimed", "refused", "disputed", "silent"].entries()) {
      const width = parts[`bar-${part}`] ?? 0;
      assert.ok(Math.abs(width - (told ? (100 * counts[i]) / told : 0)) < 0.01, `${name}: ${part} is ${width} wide in «${label}»`);
    }
  }
  if (seen.months > 0) assert.ok(seen.rows.length >= seen.months, `${name}: the months stand in pictures alone`);
  return seen;
}
