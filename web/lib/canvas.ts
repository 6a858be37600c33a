/** Drawing a photo anew. In a page only: it decodes and draws there. */

/** Two pixels beside each other that are to be shown one above the other (Exif orientation 6). */
const TURNED = "/9j/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/wAALCAABAAIBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z";

/** Whether a browser turns a photo as it is to be seen when it is asked for it so. Some do not know the question, some do so unasked. */
async function turns(options: ImageBitmapOptions | undefined): Promise<boolean> {
  const bytes = Uint8Array.from(atob(TURNED), (c) => c.charCodeAt(0));
  const probe = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }), options).catch(() => undefined);
  const turned = probe?.width === 1 && probe.height === 2;
  probe?.close();
  return turned;
}

/** The pixels of a photo, turned as it is to be seen. Throws where this browser cannot show it so. */
export async function pixels(file: Blob): Promise<ImageBitmap> {
  for (const options of [{ imageOrientation: "from-image" as const }, undefined]) {
    if (await turns(options)) return createImageBitmap(file, options);
  }
  throw new Error("photos that lie on their side are not turned here");
}

/** Whether a canvas gives back what was drawn: some browsers, Tor Browser among them, give random dots, so that theirs cannot be told from others'. */
export function honest(): boolean {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [16, 1];
  const context = canvas.getContext("2d");
  if (!context) return false;
  const colour = (i: number) => [i * 16, 255 - i * 16, (i * 80) % 256];
  for (let i = 0; i < canvas.width; i++) {
    context.fillStyle = `rgb(${colour(i).join(",")})`;
    context.fillRect(i, 0, 1, 1);
  }
  const { data } = context.getImageData(0, 0, canvas.width, 1);
  return Array.from({ length: canvas.width }, (_, i) => colour(i).every((c, n) => Math.abs(c - data[4 * i + n]!) <= 2)).every(Boolean);
}
