/** IPTC-IIM records and Photoshop's blocks, as photos carry them. */
import type { Kind, Name, Sheet } from "./sheet.js";
import { lookXMP } from "./xmp.js";
import { startsWith, textIn, wordsIn } from "./text.js";

const RECORDS: Record<number, [Kind, Name]> = {
  5: ["text", "title"], 26: ["place", "place_name"], 27: ["place", "place_name"], 55: ["time", "taken"], 60: ["time", "taken"], 62: ["time", "taken"], 63: ["time", "taken"],
  65: ["software", "program"], 80: ["person", "author"], 85: ["person", "author"], 90: ["place", "place_name"], 92: ["place", "place_name"], 95: ["place", "place_name"],
  101: ["place", "place_name"], 110: ["person", "owner"], 115: ["person", "owner"], 116: ["person", "owner"], 118: ["person", "owner"], 120: ["text", "comment"],
  122: ["person", "author"], 103: ["serial", "id"],
};

/** Reads records: 1C, the section, the number, the length, the value. The second section is about the picture, the first about its sending. */
export function lookIPTC(b: Uint8Array, sheet: Sheet): void {
  let at = 0;
  while (at + 5 <= b.length && b[at] === 0x1c) {
    const [section, number] = [b[at + 1]!, b[at + 2]!];
    const n = (b[at + 3]! << 8) | b[at + 4]!;
    if (n >= 0x8000 || at + 5 + n > b.length) return void sheet.gaps.add("broken");
    const [kind, name] = (section === 2 ? RECORDS[number] : undefined) ?? ["text", "words"];
    const plain = number === 0 || (section === 1 && number === 90); // versions, and how letters are coded
    if (!plain) sheet.add(kind, name, textIn(b.subarray(at + 5, at + 5 + n)));
    at += 5 + n;
  }
  if (b.subarray(at).some((c) => c !== 0)) sheet.gaps.add("broken");
}

/** Reads Photoshop's blocks (8BIM). Gives the small pictures inside. */
export function lookPhotoshop(b: Uint8Array, sheet: Sheet): Uint8Array[] {
  const pictures: Uint8Array[] = [];
  let at = 0;
  for (; at + 12 <= b.length && startsWith(b, "8BIM", at); ) {
    const id = (b[at + 4]! << 8) | b[at + 5]!;
    const head = at + 6 + ((b[at + 6]! + 2) & ~1);
    const n = head + 4 <= b.length ? new DataView(b.buffer, b.byteOffset + head).getUint32(0) : b.length;
    if (head + 4 + n > b.length) break;
    const body = b.subarray(head + 4, head + 4 + n);
    if (id === 0x0404) lookIPTC(body, sheet);
    else if (id === 0x0424) lookXMP(textIn(body), sheet);
    else if (id === 0x0409 || id === 0x040c) {
      sheet.add("preview", "thumbnail", "", n);
      if (n > 28) pictures.push(body.subarray(28));
    } else sheet.add("history", "edit", wordsIn(body) || "Photoshop");
    at = head + 4 + ((n + 1) & ~1);
  }
  if (at < b.length) sheet.gaps.add("broken");
  return pictures;
}
