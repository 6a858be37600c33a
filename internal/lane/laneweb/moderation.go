package laneweb

import (
	"context"
	"sync"
	"time"

	"kua/internal/lane"
)

// moderationPage shows everybody how much was held, and what became of it.
type moderationPage struct {
	base
	Since        string
	Held         int64
	First, Later int64
	Days         string // "": nothing was decided
	Tables       []numbers
}

// numbers is a table of names and how often each was.
type numbers struct {
	Title, Note string
	Rows        []numberRow
}

type numberRow struct {
	Name string
	N    int64
}

// rules are those of lane.Rule in the order in which the page has them.
var rules = []lane.Rule{lane.ByCategory, lane.ByNobody, lane.ByDanger, lane.ByLink, lane.ByNumber, lane.ByAlike, lane.ByLoad}

// countedFor is for how long the numbers of moderation are shown as they were counted:
// they read a whole year of what was held.
const countedFor = time.Minute

// counted is numbers of moderation as they were counted last.
type counted struct {
	mu sync.Mutex // whoever asks meanwhile waits and has the same
	at time.Time
	m  lane.Moderation
}

// get counts, or gives what was counted within a minute.
func (c *counted) get(ctx context.Context, l *lane.Lane) (lane.Moderation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if passed := time.Since(c.at); !c.at.IsZero() && passed >= 0 && passed < countedFor {
		return c.m, nil
	}
	m, err := l.Moderation(ctx)
	if err == nil {
		c.m, c.at = m, time.Now()
	}
	return m, err
}

func (w *Web) moderation(v *visit) error {
	m, err := w.moderated.get(v.Context(), w.lane)
	if err != nil {
		return err
	}
	p := moderationPage{base: w.base(v, "/moderation", "moderation.title"), Since: v.lang.Date(string(m.Since)), Held: m.Held, First: m.First, Later: m.Later}
	if m.Days >= 0 {
		p.Days = v.lang.Decimal(m.Days, 1)
	}
	decided := func(key string, of map[lane.State]int64) numbers {
		t := numbers{Title: p.T(key)}
		for _, s := range []lane.State{lane.Routed, lane.Withdrawn, lane.Merged} {
			t.Rows = append(t.Rows, numberRow{p.T("moderation." + string(s)), of[s]})
		}
		return t
	}
	causes := numbers{Title: p.T("moderation.causes"), Note: p.T("moderation.causes.text")}
	for _, rule := range rules {
		causes.Rows = append(causes.Rows, numberRow{p.T("check.cause." + string(rule)), m.Causes[rule]})
	}
	grounds := numbers{Title: p.T("moderation.grounds")}
	for _, g := range lane.Grounds {
		grounds.Rows = append(grounds.Rows, numberRow{p.T("check.ground." + string(g)), m.Grounds[g]})
	}
	added := numbers{Title: p.T("check.words"), Rows: []numberRow{{p.T("check.words.wait"), m.Words.Wait}, {p.T("moderation.routed"), m.Words.Passed}, {p.T("check.words.refused"), m.Words.Refused}}}
	p.Tables = []numbers{decided("moderation.decided", m.Decided), grounds, decided("moderation.again", m.Again), added, causes}
	w.set.Show(v.rw, "moderation", p.Base, p)
	return nil
}
