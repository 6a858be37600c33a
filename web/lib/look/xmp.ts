/**
 * XMP (ISO 16684-1) as text: not a reader of XML, but a sieve of its attributes
 * and of elements that hold only text. What is not known by name is told as
 * words, so that nothing that can be read is passed over in silence.
 */
import type { Kind, Name, Sheet } from "./sheet.js";

const FIELDS: [RegExp, Kind, Name][] = [
  [/^(GPSLatitude|GPSLongitude|GPSPosition)$/, "place", "position"],
  [/^(City|State|Country|CountryCode|CountryName|Location|Sublocation|ProvinceState|LocationName|WorldRegion)$/, "place", "place_name"],
  [/^(SerialNumber|BodySerialNumber|CameraSerialNumber)$/, "serial", "serial"],
  [/^(LensSerialNumber)$/, "serial", "lens_serial"],
  [/^(DocumentID|InstanceID|OriginalDocumentID|ImageUniqueID|MediaUniqueID|documentID|instanceID|originalDocumentID)$/, "serial", "id"],
  [/^(Make)$/, "device", "make"], [/^(Model)$/, "device", "model"], [/^(Lens|LensModel|LensMake)$/, "device", "lens"],
  [/^(creator|Author|AuthorsPosition|CaptionWriter|Artist|Photographer)$/, "person", "author"],
  [/^(OwnerName|CameraOwnerName|rights|Owner|Credit|PersonInImage|PersonDisplayName)$/, "person", "owner"],
  [/^(CreateDate|DateTimeOriginal|DateCreated|DateTimeDigitized)$/, "time", "taken"],
  [/^(ModifyDate|MetadataDate|when)$/, "time", "changed"], [/^(GPSTimeStamp|GPSDateTime)$/, "time", "clock"],
  [/^(CreatorTool|softwareAgent|Software|Toolkit|Producer|xmptk)$/, "software", "program"],
  [/^(History|action|changed|DerivedFrom|HasCrop|AlreadyApplied|RawFileName|PreservedFileName|Ingredients)$/, "history", "edit"],
  [/^(title|Headline)$/, "text", "title"], [/^(description|Caption|UserComment|Label|subject)$/, "text", "comment"],
];

/** Names that say how XMP is written, or how a picture lies, and nothing of anybody. */
const PLAIN = /^(about|parseType|resource|format|lang|Orientation|ColorSpace|ColorMode|ICCProfile|PixelXDimension|PixelYDimension|ImageWidth|ImageLength|XResolution|YResolution|ResolutionUnit|ExifVersion|FlashpixVersion|BitsPerSample|id|begin|version|HDRGainMapVersion|Version)$/;

const MOST = 400; // fields

/** Tells what a packet of XMP says. */
export function lookXMP(text: string, sheet: Sheet): void {
  const packet = text.slice(0, 1 << 20);
  if (/c2pa|contentauth/i.test(packet)) sheet.add("provenance", "c2pa", "XMP");
  if (/proofmode/i.test(packet)) sheet.add("provenance", "proofmode", "XMP");
  const place: { lat?: number; lon?: number } = {};
  const found = fields(packet);
  if (found.length >= MOST) sheet.gaps.add("too_many");
  if (packet.length < text.length) sheet.gaps.add("too_large");
  for (const [name, value] of found) {
    if (value === "" || PLAIN.test(name)) continue;
    if (name === "GPSLatitude") place.lat = degrees(value);
    if (name === "GPSLongitude") place.lon = degrees(value);
    const known = FIELDS.find(([re]) => re.test(name));
    if (known) sheet.add(known[1], known[2], value);
    else if (/[^\d\s.,:/+-]/.test(value)) sheet.add("text", "words", `${name}: ${value}`);
  }
  if (place.lat !== undefined && place.lon !== undefined) sheet.position(place.lat, place.lon);
}

/** Every attribute, and the text of every element, with the name of its field. Goes over the packet once. */
function fields(packet: string): [string, string][] {
  const found: [string, string][] = [];
  const tag = /<(\/?)([\w.-]+:)?([\w.-]+)/y;
  const attribute = /\s+([\w.-]+:)?([\w.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;
  let field = "";
  for (let at = packet.indexOf("<"); at >= 0 && found.length < MOST; at = packet.indexOf("<", at)) {
    tag.lastIndex = at;
    const open = tag.exec(packet);
    if (!open) {
      at++;
      continue;
    }
    at = tag.lastIndex;
    if (open[1]) continue;
    if (open[2] !== "rdf:") field = open[3]!;
    for (attribute.lastIndex = at; ; at = attribute.lastIndex) {
      const a = attribute.exec(packet);
      if (!a) break;
      if (a[1] !== "xmlns:" && a[2] !== "xmlns") found.push([a[2]!, plain(a[3] ?? a[4] ?? "")]);
    }
    const end = packet.indexOf("<", at);
    const text = packet.slice(at, end < 0 ? packet.length : end).replace(/^\s*[/?]?>/, "");
    if (text.trim() !== "") found.push([field, plain(text)]);
  }
  return found;
}

function plain(text: string): string {
  const names: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.trim().replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|lt|gt|quot|apos|amp);/gi, (whole, e: string) => {
    if (e[0] !== "#") return names[e.toLowerCase()] ?? whole;
    const code = /^#x/i.test(e) ? parseInt(e.slice(2), 16) : Number(e.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
}

/** XMP's degrees: "43,15.402N" or "43,15,24N". */
function degrees(value: string): number {
  const m = /^(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])$/.exec(value);
  if (!m) return Number.NaN;
  const n = Number(m[1]) + Number(m[2]) / 60 + Number(m[3] ?? 0) / 3600;
  return m[4] === "S" || m[4] === "W" ? -n : n;
}
