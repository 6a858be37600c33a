package caption

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
)

type vectors struct {
	Write []struct {
		Name   string
		Length int64
		Cues   []Cue
		VTT    string
	}
	Refuse []struct{ Name, VTT string }
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("../../spec/vectors/captions.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil || len(v.Write) == 0 || len(v.Refuse) == 0 {
		t.Fatalf("vectors: %v", err)
	}
	return v
}

// TestVectors holds the canonical form to spec/vectors/captions.json.
func TestVectors(t *testing.T) {
	v := load(t)
	for _, w := range v.Write {
		got, err := Write(w.Cues, w.Length)
		if err != nil {
			t.Errorf("%s: %v", w.Name, err)
			continue
		}
		if diff := cmp.Diff(w.VTT, string(got)); diff != "" {
			t.Errorf("%s: %s", w.Name, diff)
		}
		if _, err := Parse(got); err != nil {
			t.Errorf("%s: its own form is refused: %v", w.Name, err)
		}
	}
	for _, r := range v.Refuse {
		_, err := Parse([]byte(r.VTT))
		if _, ok := fault.Of(err); !ok {
			t.Errorf("%s: got %v, want a fault", r.Name, err)
		}
	}
}

// TestRead takes what people bring.
func TestRead(t *testing.T) {
	want := []Cue{{1000, 2500, "Кто там?\nОткройте!"}, {3000, 4000, "A & B"}}
	for name, text := range map[string]string{
		"SubRip":  "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\nКто там?\r\nОткройте!\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nA & B\r\n",
		"WebVTT":  "WEBVTT\n\nfirst\n00:01.000 --> 00:02.500 align:start position:0%\nКто там?\nОткройте!\n\n00:03.000 --> 00:04.000\nA &amp; B",
		"no head": "00:01.000 --> 00:02.500\nКто там?\nОткройте!\n\n\n00:03.000 --> 00:04.000\nA & B\n\n",
	} {
		got, err := Read([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for key, text := range map[string]string{
		"caption.line":     "WEBVTT\n\nNOTE hidden\n\n00:01.000 --> 00:02.000\nx\n",
		"caption.markup":   "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Aigul>x\n",
		"caption.order":    "2\n00:00:03,000 --> 00:00:04,000\nx\n\n1\n00:00:01,000 --> 00:00:02,000\nx\n",
		"caption.empty":    "WEBVTT\n",
		"caption.not_utf8": "\xff\xfe",
	} {
		if _, err := Read([]byte(text)); !errors.Is(err, fault.Invalid(key)) {
			t.Errorf("%q: got %v want %s", text, err, key)
		}
	}
	_, err := Read([]byte("WEBVTT\n\nNOTE hidden\n\n00:01.000 --> 00:02.000\nx\n"))
	if f, ok := fault.Of(err); !ok || fmt.Sprint(f.Args) != "[3]" {
		t.Errorf("the line is not named: %v", err)
	}
	if _, err := Read(bytes.Repeat([]byte("x"), MaxBytes+1)); !errors.Is(err, fault.TooLarge("caption.too_large")) {
		t.Errorf("too large: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	v := load(f)
	for _, w := range v.Write {
		f.Add([]byte(w.VTT))
	}
	for _, r := range v.Refuse {
		f.Add([]byte(r.VTT))
	}
	f.Add([]byte("1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>x</i>\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cues, err := Read(data)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		out, err := Write(cues, maxTime)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("not a fault: %v", err)
			}
			return // escaping may have made it too large
		}
		cues, err = Parse(out)
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", data, out, err)
		}
		srt := SubRip(cues)
		again, err := Read(srt)
		if err != nil && len(srt) <= MaxBytes {
			t.Fatalf("%q became %q, which is refused: %v", data, srt, err)
		}
		for i, c := range again {
			if c.From != cues[i].From || c.To != cues[i].To || c.Text != angles.Replace(cues[i].Text) {
				t.Fatalf("cue %d of %q became %+v", i, out, c)
			}
		}
	})
}
