const HEAD = 1 << 20; // bytes: what a camera tells before the picture fits in
const PNG = 0x89504e47;
const IHDR = 0x49484452;

/**
 * How many pixels a JPEG or a PNG says that it has, by its first bytes and without drawing it;
 * Infinity for whatever does not say so where these do (ITU T.81 B.2.2, PNG 11.2.1).
 */
export async function area(file: Blob): Promise<number> {
  const head = new DataView(await new Response(file.slice(0, HEAD)).arrayBuffer()); // Blob.arrayBuffer is of 2019
  const size = head.byteLength;
  if (size >= 24 && head.getUint32(0) === PNG && head.getUint32(12) === IHDR) return head.getUint32(16) * head.getUint32(20) || Infinity;
  if (size < 2 || head.getUint16(0) !== 0xffd8) return Infinity;
  for (let at = 2; at + 9 <= size && head.getUint8(at) === 0xff; ) {
    const kind = head.getUint8(at + 1);
    if (kind === 0xff) at++; // padding
    else if (kind >= 0xc0 && kind <= 0xcf && kind !== 0xc4 && kind !== 0xc8 && kind !== 0xcc) {
      return head.getUint16(at + 5) * head.getUint16(at + 7) || Infinity;
    } else at += 2 + head.getUint16(at + 2);
  }
  return Infinity;
}
