package nodeapi_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"kua/internal/fault"
	"kua/internal/nodeapi"
)

const goodLetter = `{"kind":"kua lane letter","request":7,"day":"2026-11-28","step":"first","to":"Made-up office","language":"ru","text":"two\nlines","pdf":"JVBERg=="}`

// TestReadLaneSealed: what was sealed for another report, is of another kind, or
// would act on a terminal is refused.
func TestReadLaneSealed(t *testing.T) {
	l, err := nodeapi.ReadLetter([]byte(goodLetter+strings.Repeat(" ", 100)), 7)
	if err != nil || l.Text != "two\nlines" || string(l.PDF) != "%PDF" {
		t.Errorf("ReadLetter = %+v, %v", l, err)
	}
	for name, doc := range map[string]string{
		"another request": strings.Replace(goodLetter, `7`, `8`, 1), "another kind": strings.Replace(goodLetter, "kua lane letter", "kua lane contact", 1),
		"a member too many": strings.Replace(goodLetter, `"day"`, `"x":1,"day"`, 1), "two documents": goodLetter + goodLetter, "nothing": "", "no JSON": "{",
		"a sign for terminals": strings.Replace(goodLetter, "Made-up", `\u001b[2J`, 1), "a direction": strings.Replace(goodLetter, "Made-up", `\u202e`, 1),
	} {
		if _, err := nodeapi.ReadLetter([]byte(doc), 7); !errors.Is(err, fault.Corrupt("nodeapi.lane_sealed")) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := nodeapi.ReadContact([]byte(doc), 7); !errors.Is(err, fault.Corrupt("nodeapi.lane_sealed")) {
			t.Errorf("%s, as a contact: %v", name, err)
		}
	}
}

// FuzzReadLaneSealed: whatever is taken is of the request and shows on a terminal
// what it says.
func FuzzReadLaneSealed(f *testing.F) {
	f.Add([]byte(goodLetter), int64(7))
	f.Add([]byte(`{"kind":"kua lane contact","request":7,"day":"2026-11-28","contact":"+7"}   `), int64(7))
	f.Fuzz(func(t *testing.T, plain []byte, request int64) {
		shown := ""
		if c, err := nodeapi.ReadContact(plain, request); err == nil {
			if c.Request != request {
				t.Fatalf("%q passes for request %d", plain, request)
			}
			shown += c.Contact + c.Day
		}
		if l, err := nodeapi.ReadLetter(plain, request); err == nil {
			if l.Request != request {
				t.Fatalf("%q passes for request %d", plain, request)
			}
			shown += l.To + l.Day + l.Contact + l.Step + l.Language
		}
		if strings.ContainsFunc(shown, unicode.IsControl) {
			t.Fatalf("%q shows %q", plain, shown)
		}
	})
}
