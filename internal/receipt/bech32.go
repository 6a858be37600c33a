package receipt

import "strings"

const bech32Letters = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

// bech32Upper writes data in Bech32 (BIP 173) in capitals under a prefix in
// capitals: how age spells a secret key.
func bech32Upper(prefix string, data []byte) string {
	values := fiveBits(data)
	sum := uint32(1)
	for _, v := range append(append(prefixValues(prefix), values...), make([]byte, 6)...) {
		sum = bech32Step(sum, v)
	}
	sum ^= 1
	for i := range 6 {
		values = append(values, byte(sum>>(5*(5-i))&31))
	}
	var b strings.Builder
	b.WriteString(prefix + "1")
	for _, v := range values {
		b.WriteByte(bech32Letters[v])
	}
	return b.String()
}

// prefixValues spreads the prefix for the checksum, which is over lower case.
func prefixValues(prefix string) []byte {
	lower := strings.ToLower(prefix)
	var high, low []byte
	for _, c := range []byte(lower) {
		high, low = append(high, c>>5), append(low, c&31)
	}
	return append(append(high, 0), low...)
}

func fiveBits(data []byte) []byte {
	var out []byte
	var buffer uint32
	bits := 0
	for _, b := range data {
		buffer = buffer<<8 | uint32(b)
		for bits += 8; bits >= 5; bits -= 5 {
			out = append(out, byte(buffer>>(bits-5)&31))
		}
	}
	if bits > 0 {
		out = append(out, byte(buffer<<(5-bits)&31))
	}
	return out
}

func bech32Step(sum uint32, v byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(v)
	for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}
