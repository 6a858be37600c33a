package charter

import "strings"

// The charter stands below the code that encrypts, so it looks at a recipient's
// spelling itself: prefix, length and the check of Bech32 (BIP 173). That finds
// every slip of typing; whether the point is one to encrypt to, seal finds out.

const bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// recipientKind gives "hybrid" or "x25519", the kinds of package seal, or ""
// for what is no age recipient that a charter may hold.
func recipientKind(s string) string {
	prefix, letters := "", 0
	switch {
	case strings.HasPrefix(s, "age1pq1"):
		prefix, letters = "age1pq", 1946 // 1216 bytes
	case strings.HasPrefix(s, "age1"):
		prefix, letters = "age", 52 // 32 bytes
	default:
		return ""
	}
	if len(s) != len(prefix)+1+letters+6 || bech32Sum(prefix, s[len(prefix)+1:]) != 1 {
		return ""
	}
	if prefix == "age" {
		return "x25519"
	}
	return "hybrid"
}

// bech32Sum is the checksum register after prefix and data, 1 when they fit.
func bech32Sum(prefix, data string) uint32 {
	sum := uint32(1)
	step := func(v byte) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for _, c := range []byte(prefix) {
		step(c >> 5)
	}
	step(0)
	for _, c := range []byte(prefix) {
		step(c & 31)
	}
	for _, c := range []byte(data) {
		v := strings.IndexByte(bech32Letters, c)
		if v < 0 {
			return 0
		}
		step(byte(v))
	}
	return sum
}
