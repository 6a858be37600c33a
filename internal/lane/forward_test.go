package lane

import (
	"testing"
	"unicode/utf8"
)

// FuzzShorten: whatever a server says becomes a text that a page can show.
func FuzzShorten(f *testing.F) {
	f.Add("Бригада выехала\x00\u202e\xff")
	f.Fuzz(func(t *testing.T, said string) {
		if s := shorten(said); !plain(s, maxText) || !utf8.ValidString(s) {
			t.Errorf("%q becomes %q", said, s)
		}
	})
}
