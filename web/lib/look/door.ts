/** What the look does, in one hand: it is a script of its own, fetched only when somebody wants to look. */
import { faultOf } from "../fault.js";
import { look, lookName } from "./look.js";
import { KINDS, NAMES, Sheet } from "./sheet.js";
import { takeOut, wayOut } from "./takeout.js";

/** Whether a file's name tells anything. */
function nameTells(name: string): boolean {
  const sheet = new Sheet();
  lookName(name, sheet);
  return sheet.facts.length > 0;
}

export const door = { look, lookName, nameTells, takeOut, wayOut, faultOf, KINDS, NAMES };
export type Door = typeof door;
