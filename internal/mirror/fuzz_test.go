package mirror

import (
	"bytes"
	"testing"
)

// FuzzLeft reads the list of what is not kept, which lies on a stick that
// strangers may have had: it is refused, or written again as the same.
func FuzzLeft(f *testing.F) {
	f.Add([]byte("later rest 30 1ef7200d5436149d5b01716cce24a295fb312e6f78bfd5f3260ce580ed978d0f blobs/1e/1ef7200d5436149d5b01716cce24a295fb312e6f78bfd5f3260ce580ed978d0f.mp4\n"))
	f.Add([]byte("profile text 1 00 ../x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLeft(b)
		if err != nil {
			return
		}
		again, err := parseLeft(l.bytes())
		if err != nil || !bytes.Equal(again.bytes(), l.bytes()) {
			t.Fatalf("%v: %q", err, l.bytes())
		}
	})
}

// FuzzEvidence reads what a stranger sends as proof: without a charter's
// signatures nothing is proved.
func FuzzEvidence(f *testing.F) {
	f.Add([]byte(`{"kind":"kua mirror evidence","what":"fork","chain":[{"document":"{}","signatures":{}}],"old":"","new":"","root":"","proof":[""]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if j, err := judgeBytes(b, ""); err == nil && j.Proves {
			t.Fatalf("proved by %q", b)
		}
	})
}
