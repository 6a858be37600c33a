package likeness

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// The markers of a JPEG (ITU-T T.81, table B.1) that matter before its pixels.
const (
	markerTables = 0xdb
	markerScan   = 0xda
	markerEnd    = 0xd9
	maxSegments  = 4096
)

// Tables gives the SHA-256, in hex, of the quantisation tables of a JPEG in the
// order of the file, or "" where none is found. It parses strangers' bytes and
// belongs into the box. It stops at the pixels.
func Tables(r io.Reader) string {
	in := bufio.NewReader(r)
	sum, found := sha256.New(), false
	var head [4]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil || head[0] != 0xff || head[1] != 0xd8 {
		return ""
	}
	for range maxSegments {
		if _, err := io.ReadFull(in, head[:]); err != nil || head[0] != 0xff || head[1] == markerScan || head[1] == markerEnd {
			break
		}
		n := int(head[2])<<8 | int(head[3]) - 2
		if n < 0 {
			break
		}
		if head[1] != markerTables {
			if _, err := in.Discard(n); err != nil {
				break
			}
			continue
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(in, body); err != nil {
			break
		}
		sum.Write(body)
		found = true
	}
	if !found {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}
