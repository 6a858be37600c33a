package site

import (
	"fmt"
	"testing"

	"kua/internal/record"
)

// TestPagesApart wants every page of a long document on the record's page, in
// order, and its words once.
func TestPagesApart(t *testing.T) {
	m := record.Media{Type: "document", Label: record.Text{"en": "A letter"}}
	for n := range 50 {
		m.Files = append(m.Files, record.File{Rung: fmt.Sprintf("page%djpeg", n+1)}, record.File{Rung: fmt.Sprintf("page%dwebp", n+1)})
	}
	var rungs []string
	for i, part := range pagesApart(m) {
		if (part.Label != nil) != (i == 0) || len(part.Files) > pagesTogether {
			t.Errorf("part %d: %d files, label %v", i, len(part.Files), part.Label)
		}
		for _, f := range part.Files {
			rungs = append(rungs, f.Rung)
		}
	}
	if len(rungs) != 100 || rungs[0] != "page1jpeg" || rungs[99] != "page50webp" {
		t.Errorf("listed %d files, from %s", len(rungs), rungs[0])
	}
	film := record.Media{Type: "film", Files: m.Files[:4]}
	if got := pagesApart(film); len(got) != 1 {
		t.Errorf("a film was cut into %d", len(got))
	}
}
