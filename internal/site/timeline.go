package site

import (
	"fmt"
	"slices"

	"kua/internal/locale"
)

// timelinePage is the way to the months: years, each with twelve bars.
type timelinePage struct {
	frame
	Years        []year
	Undated      *monthLink
	Older, Newer string
}

type year struct {
	Name   string
	Bars   []bar
	Months []monthLink
}

type bar struct{ X, Y, Height int }

type monthLink struct {
	Name, Address string
	Count         int
}

const (
	barHeight   = 48
	yearsOnPage = 20
)

func (r *render) timeline(lang locale.Tag) error {
	p := timelinePage{}
	most := 1
	for _, m := range r.block.Months {
		most = max(most, m.Count)
	}
	for _, m := range r.block.Months {
		if m.Count == 0 {
			continue
		}
		link := monthLink{r.monthName(lang, m.Name), shelf{"when", m.Name}.address(max(m.Pages, 1)), m.Count}
		if m.Name == undated {
			p.Undated = &link
			continue
		}
		name := m.Name[:4]
		if n := len(p.Years); n == 0 || p.Years[n-1].Name != name {
			p.Years = append(p.Years, year{Name: name})
		}
		y := &p.Years[len(p.Years)-1]
		y.Months = append(y.Months, link)
		h := max(2, m.Count*barHeight/most)
		number := int(m.Name[5]-'0')*10 + int(m.Name[6]-'0')
		y.Bars = append(y.Bars, bar{(number - 1) * 20, barHeight - h, h})
	}
	slices.Reverse(p.Years)
	return r.timelinePages(lang, p)
}

// timelinePages spreads many years over several pages, the newest first.
func (r *render) timelinePages(lang locale.Tag, all timelinePage) error {
	pages := max(1, (len(all.Years)+yearsOnPage-1)/yearsOnPage)
	for n := 1; n <= pages; n++ {
		p := timelinePage{Years: all.Years[(n-1)*yearsOnPage : min(n*yearsOnPage, len(all.Years))]}
		if n == pages {
			p.Undated = all.Undated
		}
		if n > 1 {
			p.Newer = timelineIndex(n - 1)
		}
		if n < pages {
			p.Older = timelineIndex(n + 1)
		}
		address := timelineIndex(n)
		p.frame = r.frame(lang, "when", r.site.cat.T(lang, "site.when.title"), in(lang, address), address)
		if err := r.show("when", in(lang, address), false, p); err != nil {
			return err
		}
	}
	return nil
}

func timelineIndex(n int) string {
	if n == 1 {
		return "/when/index.html"
	}
	return fmt.Sprintf("/years%d.html", n)
}
