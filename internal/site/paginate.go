package site

import (
	"strings"
	"unicode/utf8"
)

// A record may tell more than one page may weigh. Then it goes on over numbered
// parts: the first one has the summary, the films and the proof.
const (
	maxParagraph = 700 // runes: the most that stands in one piece
	keysOnPage   = 12  // key ids in the proof; the page of keys has them all
	noRecipe     = -1
)

// fillings are how full a part is made: compressed bytes for items, beside the
// page's frame, and how many films and photos the commands of the proof name.
var fillings = []struct{ items, recipe int }{
	{4_600, 14}, {3_500, 14}, {2_600, 14}, {2_000, 0}, {1_500, 0}, {1_100, 0}, {900, noRecipe},
}

// weigh estimates, on the high side, what an item adds to a compressed page.
func (it item) weigh() int {
	cost := 40 + weighText(it.Words.Text) + weighText(it.Source.Text)
	if m := it.Medium; m != nil {
		cost += 160 + weighText(m.Label.Text) + weighText(m.Covered.Text) + 75*(len(m.Rungs)+1) + 90*len(m.Tracks)
		if m.Said != nil {
			for _, l := range m.Said.Lines {
				cost += 14 + weighText(l.Text)
			}
		}
	}
	if c := it.Copy; c != nil {
		cost += 60 + 2*len(c.URL) + len(c.Reason)
	}
	if p := it.Past; p != nil {
		cost += 130 + weighText(p.Correction.Text)
	}
	return cost
}

// weighText takes text to compress to 45 in 100, as Cyrillic prose does in
// small amounts.
func weighText(s string) int { return len(s) * 45 / 100 }

// paginate fills parts with items in order.
func paginate(items []item, allowance int) [][]section {
	parts := [][]section{nil}
	used := 0
	for _, it := range items {
		last := len(parts) - 1
		if used > 0 && used+it.cost > allowance {
			parts = append(parts, nil)
			last++
			used = 0
		}
		used += it.cost
		n := len(parts[last])
		if n == 0 || parts[last][n-1].Kind != it.kind {
			parts[last] = append(parts[last], section{Kind: it.kind, Continued: n == 0 && last > 0 && began(parts[:last], it.kind)})
			n++
		}
		parts[last][n-1].Items = append(parts[last][n-1].Items, it)
	}
	return parts
}

func began(parts [][]section, kind string) bool {
	for _, sections := range parts {
		for _, s := range sections {
			if s.Kind == kind {
				return true
			}
		}
	}
	return false
}

// paragraphs cuts a text at its line breaks, and a paragraph that is too long
// at the last sentence or space that fits.
func paragraphs(w words) []item {
	var items []item
	for line := range strings.Lines(w.Text) {
		line = strings.TrimSpace(line)
		for line != "" {
			piece := cutText(line, maxParagraph)
			items = append(items, item{Words: words{Text: strings.TrimSpace(piece), In: w.In}})
			line = strings.TrimSpace(line[len(piece):])
		}
	}
	return items
}

// cutText gives the beginning of s, at most limit runes, that ends where a
// reader can pause.
func cutText(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	end := 0
	for range limit {
		_, n := utf8.DecodeRuneInString(s[end:])
		end += n
	}
	head := s[:end]
	for _, stop := range []string{". ", "! ", "? ", "; ", ", ", " "} {
		if i := strings.LastIndex(head, stop); i > len(head)/2 {
			return head[:i+len(stop)]
		}
	}
	return head
}

// short gives the beginning of a text for a list or a feed, with … when
// something is left out.
func short(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimRight(cutText(s, limit), " ,;") + "…"
}
