package reportpage

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kua/internal/charter"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/web"
)

// ofNodes are sentences that are not true where a courier's laptop takes the report.
var ofNodes = regexp.MustCompile(`(?i)[^.<>"]*\b(delivered|server)\b[^.<>"]*`)

// trueByHand are sentences that name a server and are true there, or of limits and
// nodes, which these pages never come to.
var trueByHand = []string{
	"Nobody can change it between you and the server:", "The laptop, whoever carries it and the server cannot open it", "A page from a server is the weakest way to seal",
	"The collective does not have it yet, and no server of theirs has signed for it: a folder can be lost or taken",
	"That is its word alone, and no proof that the report was delivered", "Perhaps the folder has not been at a server since, or the collective has not answered yet",
	"The charter of the collective does not name this server", "This is larger than the server takes: at most {0}",
}

// TestByHandSaysCarried: no sentence of the laptop's pages says that a report is
// delivered, or speaks of a server, but where it tells of what comes later.
func TestByHandSaysCarried(t *testing.T) {
	t.Parallel()
	cat, err := locale.Load(web.Locales())
	if err != nil {
		t.Fatal(err)
	}
	assets, err := web.Assets()
	if err != nil {
		t.Fatal(err)
	}
	set, err := page.Parse(web.Templates(), "node")
	if err != nil {
		t.Fatal(err)
	}
	set.Use(assets)
	c := charter.Charter{Kind: charter.Kind, Version: 1, Made: "2026-11-21", Threshold: 1, Name: map[string]string{"en": "Made up"}, Languages: []string{"en"}}
	said := func(byHand bool) (all []string) {
		p := Pages{Catalogue: cat, Set: set, ByHand: byHand}
		for _, show := range []func(http.ResponseWriter) error{
			func(rw http.ResponseWriter) error { return p.Report(rw, locale.English, c, false) },
			func(rw http.ResponseWriter) error { return p.ReportWords(rw, locale.English, c) },
			func(rw http.ResponseWriter) error { return p.Replies(rw, locale.English, c) },
		} {
			rw := httptest.NewRecorder()
			if err := show(rw); err != nil {
				t.Fatal(err)
			}
			for _, sentence := range ofNodes.FindAllString(rw.Body.String(), -1) {
				all = append(all, strings.TrimSpace(sentence))
			}
		}
		return all
	}
	if len(said(false)) == 0 {
		t.Fatal("a node's own pages do not say it either: nothing is shown here")
	}
	for _, sentence := range said(true) {
		if !slices.Contains(trueByHand, sentence) {
			t.Errorf("the laptop says: %q", sentence)
		}
	}
}
