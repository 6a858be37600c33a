package casefile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/fault"
)

func TestLinkWarnings(t *testing.T) {
	links := []casefile.Link{
		{Kind: casefile.LooksLike, Strength: "same", Report: 3, Public: true},
		{Kind: casefile.SameDevice, Report: 3, Public: true},
		{Kind: casefile.SameDevice, Report: 4},
	}
	got := casefile.LinkWarnings(7, links)
	if len(got) != 2 || got[0].What != casefile.SameDevice || len(got[0].Links) != 2 || got[1].What != casefile.LooksLike || got[1].Original != 7 {
		t.Fatalf("warnings %+v", got)
	}
	if again := casefile.LinkWarnings(7, links); again[0].ID != got[0].ID {
		t.Error("the same links are another warning")
	}
	ids := map[string]bool{got[0].ID: true}
	links[2].Public = true
	ids[casefile.LinkWarnings(7, links)[0].ID] = true
	ids[casefile.LinkWarnings(7, append(links, casefile.Link{Kind: casefile.SameDevice, Report: 9}))[0].ID] = true
	if len(ids) != 3 {
		t.Error("what became public, or one link more, asks for no new answer")
	}
	if casefile.LinkWarnings(7, nil) != nil {
		t.Error("no links are a warning")
	}
}

func TestLinkLine(t *testing.T) {
	words := func(key string, args ...any) string {
		return strings.TrimSpace(fmt.Sprintln(append([]any{key}, args...)...))
	}
	for want, l := range map[string]casefile.Link{
		"links.line links.where.public R1 today links.how.turned links.how.link.looks_like.same": {Kind: casefile.LooksLike, Strength: "same", Turned: true, Record: "R1", Case: 3, Public: true},
		"links.line links.where.case 3 today links.how.link.same_device":                         {Kind: casefile.SameDevice, Record: "R1", Case: 3},
		"links.line links.where.inbox today links.how.link.same_witness":                         {Kind: casefile.SameWitness},
	} {
		if got := l.Line(words, "today"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCheckAll(t *testing.T) {
	all := casefile.Checklist()
	if err := casefile.CheckAll(append(all, "more")); err != nil {
		t.Errorf("the whole list is refused: %v", err)
	}
	for i := range all {
		left := append(append([]string{}, all[:i]...), all[i+1:]...)
		if err := casefile.CheckAll(left); !errors.Is(err, fault.Conflict("casefile.unchecked")) {
			t.Errorf("without %s: %v", all[i], err)
		}
	}
}
