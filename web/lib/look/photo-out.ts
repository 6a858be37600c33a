/** Makes a photo anew from its pixels alone. In a browser only: it decodes and encodes there. */
import { honest, pixels } from "../canvas.js";
import { Fault } from "../fault.js";

const QUALITY = 0.92;

/** A photo's new bytes and their type, or the fault that says why this browser cannot. Turned as it is shown. */
export async function newPhoto(file: Blob, format: string): Promise<Blob> {
  if (!honest()) throw new Fault("report.look.out.noise");
  let bitmap: ImageBitmap;
  try {
    bitmap = await pixels(file);
  } catch (err) {
    throw new Fault("report.look.out.decode", [], err);
  }
  try {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    const context = canvas.getContext("2d");
    if (!context) throw new Fault("report.look.out.memory");
    const type = format === "png" ? "image/png" : "image/jpeg";
    if (type === "image/jpeg") {
      context.fillStyle = "#fff"; // a JPEG has no holes
      context.fillRect(0, 0, canvas.width, canvas.height);
    }
    context.drawImage(bitmap, 0, 0);
    const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, type, QUALITY));
    canvas.width = canvas.height = 0; // gives the memory back now
    if (!made || made.type !== type) throw new Fault("report.look.out.memory");
    return made;
  } finally {
    bitmap.close();
  }
}
