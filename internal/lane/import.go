package lane

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// Foreign is a case of another system that is to be taken over.
type Foreign struct {
	Number   string // what that system calls it
	Category string
	Language locale.Tag
	Words    string
	Landmark string // where, in words
	Notes    string // what became of it there, in words
	At       *authority.Point
	Area     string // without a point: the area
	Open     bool
	Day      appeal.Day // on which it was told there
}

// maxForeign is the most signs of the number of a case elsewhere.
const maxForeign = 200

// firstDay is before any case that can be taken over.
const firstDay appeal.Day = "1990-01-01"

// Importer takes over the cases of one other system. They are marked as its own for
// good: nobody told them here, so that they have no holder and no assignment, are
// sent to nobody, offered to nobody as their own trouble, and counted nowhere.
type Importer struct {
	lane    *Lane
	source  string
	version Version
	router  *authority.Router

	LookedAt bool // a person has looked at the cases: nothing is doubted
}

// Importer begins to take over cases of a system, which is named by letters, digits,
// points and hyphens. The faults are lane.import.source and lane.no_directory.
func (l *Lane) Importer(ctx context.Context, source string) (*Importer, error) {
	if source == "" || len(source) > 60 || strings.ContainsFunc(source, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-')
	}) {
		return nil, fault.Invalid("lane.import.source", source)
	}
	v, r, err := l.Current(ctx)
	return &Importer{lane: l, source: source, version: v, router: r}, err
}

// Checked is what the directory says to a case: the fault that keeps it out, or what
// a person should look at before everybody may see it.
type Checked struct {
	Doubts []string // words of danger, links and numbers
	Err    error
	row    lanedb.Import
	notes  string
}

// Check holds cases against the directory, on all processors; nothing is kept. The
// faults are lane.import.number, lane.import.day, lane.import.held (its category shows
// nothing that nobody has looked at), lane.sealed, lane.text, lane.landmark,
// lane.language, lane.place and authority.unknown.
func (i *Importer) Check(all []Foreign) []Checked {
	checked := make([]Checked, len(all))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(all)); n = next.Add(1) - 1 {
				checked[n] = i.check(all[n])
			}
		})
	}
	wg.Wait()
	return checked
}

func (i *Importer) check(f Foreign) Checked {
	row, err := i.kept(f)
	if err != nil {
		return Checked{Err: err}
	}
	if i.LookedAt {
		return Checked{row: row, notes: f.Notes}
	}
	said := f.Words + " " + f.Landmark + " " + f.Notes
	danger, err := Danger(said, f.Language)
	return Checked{append(danger, private(said)...), err, row, f.Notes}
}

func (i *Importer) kept(f Foreign) (lanedb.Import, error) {
	category, err := i.router.Category(f.Category)
	if err != nil {
		return lanedb.Import{}, err
	}
	d := Draft{Category: f.Category, Language: f.Language, Words: f.Words, Landmark: f.Landmark, At: f.At, Area: f.Area}
	category.Questions = nil // another system asked others
	_, err = d.check(category)
	switch {
	case err != nil:
		return lanedb.Import{}, err
	case f.Number == "" || !oneLine(f.Number, maxForeign):
		return lanedb.Import{}, fault.Invalid("lane.import.number", maxForeign)
	case f.Day < firstDay || f.Day > i.lane.today():
		return lanedb.Import{}, fault.Invalid("lane.import.day", string(f.Day))
	case category.Visibility == authority.Held:
		return lanedb.Import{}, fault.Conflict("lane.import.held", category.ID)
	case !plain(f.Notes, maxText):
		return lanedb.Import{}, fault.Invalid("lane.text", maxText)
	}
	areas := i.router.Route(authority.Query{Category: f.Category, At: f.At, Area: f.Area, On: i.lane.today()}).Areas
	if len(areas) == 0 {
		return lanedb.Import{}, fault.Invalid("lane.place")
	}
	r := lanedb.Request{Directory: i.version.Number, Category: f.Category, Language: string(f.Language), Words: f.Words, Landmark: f.Landmark, Answers: "{}", Area: areas[0],
		Search: locale.SearchText(f.Words + " " + f.Landmark), Visibility: string(category.Visibility), Open: f.Open, Day: string(f.Day), Source: i.source}
	if f.At != nil {
		r.Public = public(*f.At, category.Visibility)
	}
	return lanedb.Import{Request: r, Number: f.Number, Taken: string(i.lane.today())}, nil
}

// Take keeps cases that Check has nothing against, all or none; fresh counts those
// that were not there.
func (i *Importer) Take(ctx context.Context, all []Checked) (fresh int, err error) {
	rows, notes := make([]lanedb.Import, len(all)), make(map[string]string, len(all))
	for n, c := range all {
		if c.Err != nil {
			return 0, c.Err
		}
		rows[n] = c.row
		if _, there := notes[c.row.Number]; !there {
			notes[c.row.Number] = c.notes
		}
	}
	return i.lane.db.AddImports(ctx, rows, func(c lanedb.Import) lanedb.Write {
		return Event{Day: appeal.Day(c.Taken), By: BySource, Source: i.source, Reference: c.Number, Reason: notes[c.Number]}.write
	})
}
