package desk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kua/internal/caption"
	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/record"
	"kua/internal/redact"
)

// TestSpokenFilm takes a film whose words are typed and spoken by a machine to
// the edition: its subtitles are sealed at the desk, named in the record, and
// in their one form.
func TestSpokenFilm(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tell(parcel.Consent{}, film(t))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	aigul := c.sit(d, c.aigul)

	_, _, err = aigul.ImportCaptions(ctx, 1, "xx", []byte("00:00.000 --> 00:01.000\nx\n"))
	if !errors.Is(err, fault.Invalid("redact.language")) {
		t.Errorf("a language nobody knows gives %v", err)
	}
	lines, version, err := aigul.ImportCaptions(ctx, 1, "ru", []byte("1\r\n00:00:00,020 --> 00:00:01,000\r\nОткройте!\r\n"))
	ok(t, err)
	if lines != 1 || version != 1 {
		t.Errorf("imported %d lines as version %d", lines, version)
	}
	_, _, err = aigul.ImportCaptions(ctx, 1, "kk", []byte("WEBVTT\n\n00:00.020 --> 00:01.000\nАшыңыз!\n"))
	ok(t, err)
	plan, _, err := d.Plan(ctx, 1)
	ok(t, err)
	if len(plan.Lines) != 1 || len(plan.Lines[0].Words) != 2 || !plan.MuteAll {
		t.Errorf("two languages of one moment became %+v", plan.Lines)
	}
	_, err = aigul.ChangePlan(ctx, 1, func(p *redact.Plan) { p.Speak, p.Reviewed = "kk", true })
	ok(t, err)
	if plan, _, err = d.Plan(ctx, 1); err != nil || plan.Reviewed {
		t.Errorf("a changed plan counts as looked through: %v", err)
	}

	id := c.casework(aigul, report.id)
	made, _, err := d.Derivatives(ctx, 1)
	ok(t, err)
	var rungs []string
	for _, m := range made {
		rungs = append(rungs, m.Rung)
	}
	for _, want := range []string{"audio", "240p", "captions-kk", "captions-ru"} {
		if !slices.Contains(rungs, want) {
			t.Errorf("%s is not among %v", want, rungs)
		}
	}
	sealed, err := os.ReadDir(filepath.Join(c.dir, "derived"))
	ok(t, err)
	for _, f := range sealed {
		b, err := os.ReadFile(filepath.Join(c.dir, "derived", f.Name()))
		ok(t, err)
		if bytes.Contains(b, []byte("Ашыңыз")) || bytes.Contains(b, []byte("WEBVTT")) {
			t.Errorf("%s holds the words in the clear", f.Name())
		}
	}

	// A kept range is open sound: without consent to the voice it needs an answer.
	v, err := d.Case(ctx, id)
	ok(t, err)
	voice := func(w casefile.Warning) bool { return w.What == "voice" }
	if slices.ContainsFunc(v.Warnings, voice) {
		t.Errorf("a muted film that a machine speaks for warns of a voice: %+v", v.Warnings)
	}
	_, err = aigul.ChangePlan(ctx, 1, func(p *redact.Plan) { p.Keep(1200, 1800, "a siren", "Aigul") })
	ok(t, err)
	if v, err = d.Case(ctx, id); err != nil || !slices.ContainsFunc(v.Warnings, voice) {
		t.Errorf("a kept range without consent does not warn: %+v, %v", v.Warnings, err)
	}
	_, err = aigul.ChangePlan(ctx, 1, func(p *redact.Plan) { p.Keeps = nil })
	ok(t, err)
	c.render(aigul, 1)
	c.publish(d, id)

	tree := filepath.Join(c.dir, "edition", "tree")
	found := 0
	ok(t, filepath.WalkDir(tree, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		switch filepath.Ext(name) {
		case ".vtt":
			found++
			if _, e := caption.Parse(b); e != nil {
				t.Errorf("%s: %v", name, e)
			}
		case ".json":
			if strings.Contains(name, "/records/") {
				r, e := record.Parse(b)
				if e != nil || len(r.Media[0].Captions()) != 2 {
					t.Errorf("the record names the subtitles %+v, %v", r.Media[0].Captions(), e)
				}
			}
		}
		return err
	}))
	if found != 2 {
		t.Errorf("%d subtitles in the edition", found)
	}
}
