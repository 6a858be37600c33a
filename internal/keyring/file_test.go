package keyring

import (
	"testing"

	"kua/internal/fault"
)

// FuzzKeyFile reads what stands inside the lock of a key file.
func FuzzKeyFile(f *testing.F) {
	p, err := NewPerson("Айгүл")
	if err != nil {
		f.Fatal(err)
	}
	text, err := p.text()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(append(text, text...))
	f.Add(text[:len(text)-10])
	f.Add([]byte("# name: x\n# publishing-key: MC4CAQA=\nAGE-SECRET-KEY-1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseText(b)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("%v has no words for people", err)
			}
			return
		}
		text, err := p.text()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseText(text)
		if err != nil || again.Name() != p.Name() || again.Recipient() != p.Recipient() || again.PublishKey() != p.PublishKey() {
			t.Fatalf("%q writes as %q and reads as %+v, %v", b, text, again, err)
		}
	})
}

func FuzzOpenReply(f *testing.F) {
	p, err := NewPerson("A")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(make([]byte, 8192))
	f.Add([]byte("age-encryption.org/v1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8192 {
			b = append(b, make([]byte, 8192-len(b))...)
		}
		if _, err := OpenReply(b, p.identity.String()); err == nil {
			t.Fatal("a stranger's bytes open as a reply")
		} else if _, ok := fault.Of(err); !ok {
			t.Fatalf("%v has no words for people", err)
		}
	})
}
