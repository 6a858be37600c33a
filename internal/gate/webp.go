package gate

import "encoding/binary"

// WebP (RFC 9649) in its simple form: one picture of VP8 and no other chunk. The
// picture is decoded, and decoded again without the last bytes of each of its
// partitions, which must then be missing: what no decoder reads could be anything.

func readWebP(f *file) error {
	head, err := f.bytes("RIFF", 0, 20)
	if err != nil {
		return err
	}
	if string(head[:4]) != "RIFF" || string(head[8:12]) != "WEBP" {
		return refuse("RIFF", 0, "broken", "no WebP")
	}
	if n := int64(binary.LittleEndian.Uint32(head[4:])) + 8; n != f.size {
		if n < f.size {
			return refuse("", n, "beyond", "%d bytes after the picture", f.size-n)
		}
		return refuse("RIFF", 4, "cut", "%d bytes where %d are there", n, f.size)
	}
	if string(head[12:16]) != "VP8 " {
		return refuse("RIFF/"+boxName(string(head[12:16])), 12, "unlisted", "another chunk than one picture")
	}
	n := int64(binary.LittleEndian.Uint32(head[16:]))
	if 20+n+n&1 != f.size {
		return refuse("VP8", 16, "unlisted", "%d bytes of picture in a file of %d", n, f.size)
	}
	b, err := f.bytes("VP8", 20, n)
	if err != nil {
		return err
	}
	if n&1 == 1 {
		pad, err := f.bytes("VP8", 20+n, 1)
		if err != nil {
			return err
		}
		if pad[0] != 0 {
			return refuse("VP8", 20+n, "hidden", "the byte that fills up is %02x", pad[0])
		}
	}
	f.part("RIFF", 12)
	f.part("VP8", f.size-12)
	return vp8Picture(b)
}
