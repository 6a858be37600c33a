/** The padded plaintext of the smallest parcel. */
export const MIN_PLAIN = 16 << 10;

/**
 * The padded size for n bytes (Padmé; PURBs, Nikitin et al. 2019): at most 12 %
 * more, and so few different sizes that one says little.
 */
export function padme(n: number): number {
  if (n <= MIN_PLAIN) return MIN_PLAIN;
  const e = bitLength(n) - 1;
  const s = bitLength(e);
  const step = 2 ** (e - s); // plain arithmetic: 32-bit operators end at 2 GiB
  return Math.ceil(n / step) * step;
}

function bitLength(n: number): number {
  let bits = 0;
  for (let rest = n; rest >= 1; rest = Math.floor(rest / 2)) bits++;
  return bits;
}
