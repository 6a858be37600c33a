package redact

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
)

func talk() Plan {
	p := New("0f3a", 640, 360, 12*time.Second, false)
	p.Keeps = []Span{{ID: "k1", From: 3000, To: 5000, Note: "shots"}}
	p.Lines = []Line{
		{ID: "l1", From: 1000, To: 2000, Words: map[string]string{"kk": "Бұл не?", "ru": "Что это?"}},
		{ID: "l2", From: 6000, To: 8000, Words: map[string]string{"ru": "Откройте!"}},
	}
	p.Speak = "ru"
	return p
}

func TestSoundRules(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*Plan)
		want  error
	}{
		{"a language nobody knows", func(p *Plan) { p.Lines[0].Words["xx"] = "y" }, fault.Invalid("redact.language")},
		{"a language written otherwise", func(p *Plan) { p.Lines[0].Words["RU"] = "y" }, fault.Invalid("redact.language")},
		{"a voice that nobody knows", func(p *Plan) { p.Speak = "xx" }, fault.Invalid("redact.language")},
		{"a line without words to speak", func(p *Plan) { p.Speak = "kk" }, fault.Invalid("redact.line_unspoken")},
		{"a line of marks only", func(p *Plan) { p.Lines[1].Words["ru"] = "—…" }, fault.Invalid("redact.line_unspoken")},
		{"a voice over voices", func(p *Plan) { p.MuteAll = false }, fault.Invalid("redact.speak_over_voices")},
		{"a voice without lines", func(p *Plan) { p.Lines = nil }, fault.Invalid("redact.nothing_to_speak")},
		{"a novel to speak", func(p *Plan) { p.Lines[1].Words["ru"] = long(MaxSpoken + 1) }, fault.TooLarge("redact.line_long")},
		{"a kept click", func(p *Plan) { p.Keeps[0].To = 3099 }, fault.Invalid("redact.keep_short")},
		{"a kept range after the end", func(p *Plan) { p.Keeps[0].From, p.Keeps[0].To = 12001, 13000 }, fault.Invalid("redact.mute_time")},
		{"a line at the end", func(p *Plan) { p.Lines[1].From, p.Lines[1].To = 12000, 12500 }, fault.Invalid("redact.line_time")},
		{"a line that turns round", func(p *Plan) { p.Lines[0].Words["ru"] = "a\u202eb" }, fault.Invalid("redact.line_hidden")},
		{"a command in a line", func(p *Plan) { p.Lines[0].Words["ru"] = "a\x01b" }, fault.Invalid("redact.line_hidden")},
		{"lines out of order", func(p *Plan) { p.Lines[1].From = 500 }, fault.Invalid("redact.line_order")},
		{"one id twice", func(p *Plan) { p.Lines[1].ID = "k1" }, fault.Invalid("redact.id")},
	} {
		p := talk()
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		tt.spoil(&p)
		if err := p.Validate(); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v want %v", tt.name, err, tt.want)
		}
	}
}

func long(n int) string {
	r := make([]rune, n)
	for i := range r {
		r[i] = 'я'
	}
	return string(r)
}

// TestSetSaid replaces one language and leaves the others.
func TestSetSaid(t *testing.T) {
	p := talk()
	p.SetSaid("kk", []Said{{6000, 8000, "Ашыңыз!"}, {9000, 9500, "Кеттік"}})
	want := []Line{
		{ID: "l1", From: 1000, To: 2000, Words: map[string]string{"ru": "Что это?"}},
		{ID: "l2", From: 6000, To: 8000, Words: map[string]string{"ru": "Откройте!", "kk": "Ашыңыз!"}},
		{ID: "l3", From: 9000, To: 9500, Words: map[string]string{"kk": "Кеттік"}},
	}
	if diff := cmp.Diff(want, p.Lines); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Said{{6000, 8000, "Ашыңыз!"}, {9000, 9500, "Кеттік"}}, p.Said("kk")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"kk", "ru"}, p.Languages()); diff != "" {
		t.Error(diff)
	}
	p.SetSaid("ru", nil)
	if len(p.Lines) != 2 {
		t.Errorf("lines without words stay: %v", p.Lines)
	}
	p.Keep(7000, 8000, "siren", "Aigul")
	if p.Keeps[1].ID != "k2" {
		t.Errorf("a name twice: %v", p.Keeps)
	}
}

// TestKeeping shows when something of the people's own sound stays.
func TestKeeping(t *testing.T) {
	p := New("x", 10, 10, time.Second, false)
	if p.Keeping() {
		t.Error("a muted plan keeps sound")
	}
	p.Keep(0, 500, "", "")
	if !p.Keeping() {
		t.Error("a kept range is not counted")
	}
	if !New("x", 10, 10, time.Second, true).Keeping() {
		t.Error("an open plan keeps nothing")
	}
}
