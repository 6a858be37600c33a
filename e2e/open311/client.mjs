// The road of a foreign client in Node, in JSON alone: discover, list, submit, read
// back, update. Arguments: discovery address, key, photo.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const [discovery, key, photo] = process.argv.slice(2);

async function call(url, want, form) {
  const answer = await fetch(url, form && { method: "POST", body: new URLSearchParams(form) });
  const body = await answer.text();
  assert.equal(answer.status, want, `${url}: ${body}`);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  return JSON.parse(body);
}

const found = await call(discovery.replace(/xml$/, "json"), 200);
const base = found.endpoints.find((e) => e.specification === "http://wiki.open311.org/GeoReport_v2").url;
const services = await call(`${base}services.json?jurisdiction_id=`, 200);
const service = services.find((s) => s.metadata === true && s.service_code === "manhole");
assert.equal(service.type, "realtime");
const definition = await call(`${base}services/${service.service_code}.json`, 200);

const words = "Node: Ашық құдық, ойдан шығарылған <&> 𐌰";
const form = [
  ["api_key", key],
  ["service_code", service.service_code],
  ["lat", "45.0541"],
  ["long", "65.1541"],
  ["description", words],
  ...definition.attributes.filter((a) => a.required).map((a) => [`attribute[${a.code}]`, a.values[0].key]),
];
const [sent] = await call(`${base}requests.json`, 200, form);
const id = sent.service_request_id;
assert.equal(typeof id, "string");
assert.equal("token" in sent, false);
const [one] = await call(`${base}requests/${id}.json`, 200);
assert.deepEqual([one.description, one.lat, one.long, one.status, one.media_url], [words, 45.0541, 65.1541, "open", null]);

// Newest first, and on behind the cursor.
const page = await fetch(`${base}requests.json?page_size=1`);
assert.equal((await page.json())[0].service_request_id, id);
const next = /<([^>]+)>; rel="next"/.exec(page.headers.get("link"));
if (next) assert.ok(Number((await (await fetch(next[1])).json())[0].service_request_id) < Number(id));

// A photo with the form, as browsers send one.
const parts = new FormData();
for (const [name, value] of form) parts.append(name, name === "description" ? "Node: суретпен, ойдан шығарылған" : value);
parts.append("media", new Blob([await readFile(photo)], { type: "image/jpeg" }), "photo.jpg");
const uploaded = await (await fetch(`${base}requests.json`, { method: "POST", body: parts })).json();
const [shown] = await call(`${base}requests/${uploaded[0].service_request_id}.json`, 200);
const picture = await fetch(shown.media_url);
assert.deepEqual([picture.status, picture.headers.get("content-type")], [200, "image/jpeg"]);

const update = { api_key: key, service_request_id: id, update_id: "node-1", status: "NO_FURTHER_ACTION", updated_datetime: new Date().toISOString() };
const [refused] = await call(`${base}servicerequestupdates.json`, 400, Object.entries(update));
assert.equal(refused.code, 400); // a refusal needs a reason
await call(`${base}servicerequestupdates.json`, 200, Object.entries({ ...update, description: "Не наше дело, выдумано" }));
assert.equal((await call(`${base}requests/${id}.json`, 200))[0].status, "closed");
const updates = await call(`${base}servicerequestupdates.json`, 200);
assert.equal(updates.filter((u) => u.service_request_id === id).at(-1).status, "no_further_action");
assert.equal((await call(`${base}requests/999999.json`, 404))[0].code, 404);
assert.equal((await call(`${base}requests.json`, 403, [...form.slice(1), ["api_key", "wrong"]]))[0].code, 403);
console.log(`node ${id} done`);
