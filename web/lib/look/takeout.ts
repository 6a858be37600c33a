/** Takes out of a file what it tells, and gives the copy only if the same look then finds nothing. */
import { Fault } from "../fault.js";
import { bare } from "./bare.js";
import { assemble, planFilm } from "./film-out.js";
import { look } from "./look.js";
import { newPhoto } from "./photo-out.js";

const PHOTOS = ["jpeg", "png", "webp", "heic"];

/** Whether a format can be taken out of at all: "photo" from its pixels, "film" beside its pictures and sound. */
export function wayOut(format: string): "photo" | "film" | null {
  return PHOTOS.includes(format) ? "photo" : format === "mp4" ? "film" : null;
}

/**
 * The copy of a file. Throws a fault that says why there is none: the original
 * is then as it was. paint makes a photo anew; tests give their own.
 */
export async function takeOut(file: File, format: string, paint = newPhoto): Promise<File> {
  const way = wayOut(format);
  if (!way) throw new Fault("report.look.out.form");
  const made = way === "film" ? new File(assemble(file, await planFilm(file)), file.name, { type: file.type }) : await named(file, await paint(file, format));
  const left = await look(made);
  if (!left.clean) throw new Fault("report.look.out.left");
  return made;
}

/** A photo under the old name; what was WebP or HEIC is JPEG now, and is called so. */
async function named(file: File, made: Blob): Promise<File> {
  const ending = made.type === "image/png" ? ".png" : ".jpg";
  const same = made.type === "image/png" ? /\.png$/i : /\.jpe?g$/i;
  const name = same.test(file.name) ? file.name : file.name.replace(/\.[^.]*$/, "") + ending;
  return new File([bare(new Uint8Array(await made.arrayBuffer()), made.type)], name, { type: made.type });
}
