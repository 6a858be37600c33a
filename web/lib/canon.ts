import { Fault } from "./fault.js";

export type JSONValue = null | boolean | number | string | JSONValue[] | { [name: string]: JSONValue | undefined };

/**
 * Canonical JSON (RFC 8785). Numbers and strings are written by JSON.stringify,
 * whose form the RFC takes over; members are ordered by their UTF-16 units,
 * which is JavaScript's own order. Members that are undefined are left out.
 */
export function canonical(v: JSONValue): string {
  if (Array.isArray(v)) return "[" + v.map(canonical).join(",") + "]";
  if (v !== null && typeof v === "object") {
    const members: string[] = [];
    for (const name of Object.keys(v).sort()) {
      const value = v[name];
      if (value !== undefined) members.push(JSON.stringify(name) + ":" + canonical(value));
    }
    return "{" + members.join(",") + "}";
  }
  if (typeof v === "number" && !Number.isFinite(v)) throw new Fault("canon.not_json");
  return JSON.stringify(v);
}

/**
 * Reads canonical JSON. Any other spelling of the same value is refused, and so
 * are members that stand twice: two parties can never read one signed document
 * differently.
 */
export function parseCanonical(text: string): JSONValue {
  let v: JSONValue;
  try {
    v = JSON.parse(text) as JSONValue;
  } catch (err) {
    throw new Fault("canon.not_json", [], err);
  }
  if (canonical(v) !== text) throw new Fault("canon.not_canonical");
  return v;
}
