package appeal

import (
	"cmp"
	"embed"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // the zones of the laws, where a machine has none

	"kua/internal/datafile"
	"kua/internal/fault"
)

// Book is the law of several countries with the calendars it is counted by.
type Book struct {
	Laws      map[string]Law      // by country
	Calendars map[string]Calendar // by id
}

// The folders of a book: law/kz.yaml and calendars/kz.yaml.
const (
	lawDir      = "law"
	calendarDir = "calendars"
)

//go:embed law/*.yaml calendars/*.yaml
var shipped embed.FS

var shippedBook = sync.OnceValues(func() (Book, error) {
	var unread datafile.Problems
	files := datafile.Folder(shipped, &unread)
	b, problems := ReadBook(files)
	return b, append(unread, problems...).Err()
})

// Shipped gives the law and the calendars that come with the program. What
// nobody has confirmed in them is marked, and every deadline says so.
func Shipped() (Book, error) {
	b, err := shippedBook()
	if err != nil {
		return Book{}, fmt.Errorf("the law that comes with the program: %w", err)
	}
	return Book{maps.Clone(b.Laws), maps.Clone(b.Calendars)}, nil
}

// ReadBook reads law/*.yaml and calendars/*.yaml among files and checks them.
func ReadBook(files datafile.Files) (Book, datafile.Problems) {
	b := Book{map[string]Law{}, map[string]Calendar{}}
	var problems datafile.Problems
	for _, name := range files.In(calendarDir) {
		if c, ok := ReadCalendar(name, files[name], &problems); ok {
			b.Calendars[c.ID] = c
		}
	}
	for _, name := range files.In(lawDir) {
		if l, ok := ReadLaw(name, files[name], &problems); ok {
			b.Laws[l.Country] = l
		}
	}
	problems.Sort()
	return b, problems
}

// CheckReferences finds laws whose calendar is not in the book.
func (b Book) CheckReferences() (problems datafile.Problems) {
	for _, country := range slices.Sorted(maps.Keys(b.Laws)) {
		if l := b.Laws[country]; b.Calendars[l.Calendar].ID == "" {
			problems.Add(path.Join(lawDir, country+".yaml"), 0, "appeal.unknown_calendar", l.Calendar)
		}
	}
	return problems
}

// Write gives the files of a book by their names. They read back equal.
func (b Book) Write() (datafile.Files, error) {
	out := datafile.Files{}
	for id, c := range b.Calendars {
		text, err := datafile.WriteYAML(c)
		if err != nil {
			return nil, fmt.Errorf("write the calendar %s: %w", id, err)
		}
		out[path.Join(calendarDir, id+".yaml")] = text
	}
	for country, l := range b.Laws {
		text, err := datafile.WriteYAML(l)
		if err != nil {
			return nil, fmt.Errorf("write the law of %s: %w", country, err)
		}
		out[path.Join(lawDir, country+".yaml")] = text
	}
	return out, nil
}

// Law gives the law of a country, or the fault appeal.no_law.
func (b Book) Law(country string) (Law, error) {
	l, ok := b.Laws[country]
	if !ok {
		return Law{}, fault.NotFound("appeal.no_law", country)
	}
	return l, nil
}

// Due gives the deadline that a country's law sets for a registration, by the
// country's own calendar.
func (b Book) Due(country string, kind Kind, of Case, registered Day) (Deadline, error) {
	l, err := b.Law(country)
	if err != nil {
		return Deadline{}, err
	}
	rule, err := l.Rule(kind, of, registered)
	if err != nil {
		return Deadline{}, err
	}
	if kind != Extension {
		return Due(rule, b.Calendars[l.Calendar], registered)
	}
	first, err := b.Due(country, Answer, General, registered)
	if err != nil {
		return Deadline{}, err
	}
	return Extend(first, rule, b.Calendars[l.Calendar], registered)
}

var (
	id       = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	country  = regexp.MustCompile(`^[a-z]{2}$`)
	monthDay = regexp.MustCompile(`^[0-9]{2}-[0-9]{2}$`)
)

// named says whether a file bears the name of what it holds.
func named(file, name string) bool { return path.Base(file) == name+".yaml" }

// ReadLaw reads one country's law. What is wrong is added to problems; ok says
// that nothing of it is an error.
func ReadLaw(file string, text []byte, problems *datafile.Problems) (l Law, ok bool) {
	before := problems.Errors()
	lines, ok := datafile.YAML(file, text, &l, problems)
	if !ok {
		return Law{}, false
	}
	if !country.MatchString(l.Country) || !named(file, l.Country) {
		problems.Add(file, lines.Of("country"), "appeal.bad_country", l.Country)
	}
	if _, err := time.LoadLocation(cmp.Or(l.Zone, "?")); err != nil {
		problems.Add(file, lines.Of("zone"), "appeal.bad_zone", l.Zone)
	}
	for i, r := range l.Rules {
		at := lines.Of("rules", i)
		checkRule(file, at, r, problems)
		for _, other := range l.Rules[:i] {
			if other.ID == r.ID {
				problems.Add(file, at, "datafile.twice", r.ID)
			}
			if other.Kind == r.Kind && other.Case == r.Case && other.Meets(r.Span) {
				problems.Add(file, at, "appeal.overlap", r.ID, other.ID)
			}
		}
	}
	for i, s := range l.Silence {
		at := lines.Of("silence", i)
		oneOf(file, at, "means", s.Means, problems, DeemedRefusal, Liability)
		oneOf(file, at, "confidence", s.Confidence, problems, Confirmed, Unconfirmed)
		checkSource(file, at, s.Source, problems)
	}
	return l, problems.Errors() == before
}

func checkRule(file string, at int, r Rule, problems *datafile.Problems) {
	if !id.MatchString(r.ID) {
		problems.Add(file, at, "datafile.bad_id", r.ID)
	}
	oneOf(file, at, "kind", r.Kind, problems, Kinds...)
	oneOf(file, at, "case", r.Case, problems, Cases...)
	oneOf(file, at, "length.unit", r.Length.Unit, problems, WorkingDays, CalendarDays, Months)
	oneOf(file, at, "begins", r.Begins, problems, SameDay, NextDay, BeginUnknown)
	oneOf(file, at, "confidence", r.Confidence, problems, Confirmed, Unconfirmed)
	if r.Length.Unit != WorkingDays {
		oneOf(file, at, "day_off", r.DayOff, problems, Moves, Stays, DayOffUnknown)
	}
	if r.Kind == Extension || r.Kind == Forward {
		oneOf(file, at, "counted", r.Counted, problems, Total, Beyond, CountingUnknown)
	}
	if r.Length.Count < 0 || r.Length.Count > maxLength || r.Length.Count == 0 && r.Kind != Register {
		problems.Add(file, at, "appeal.bad_length", r.ID, r.Length.Count, maxLength)
	}
	if r.Backwards() {
		problems.Add(file, at, "datafile.backwards", string(r.From), string(r.To))
	}
	checkSource(file, at, r.Source, problems)
	if len(r.Checked) == 0 {
		problems.Warn(file, at, "appeal.doubt.unchecked", r.ID)
	}
}

func checkSource(file string, at int, s Source, problems *datafile.Problems) {
	if len(s.Act) == 0 {
		problems.Add(file, at, "appeal.no_source")
	}
}

// oneOf refuses a word that is not among those that a field knows.
func oneOf[T ~string](file string, at int, field string, got T, problems *datafile.Problems, known ...T) {
	if !slices.Contains(known, got) {
		problems.Add(file, at, "datafile.unknown_word", string(got), field, fmt.Sprint(known))
	}
}

// ReadCalendar reads one calendar, as ReadLaw reads a law.
func ReadCalendar(file string, text []byte, problems *datafile.Problems) (c Calendar, ok bool) {
	before := problems.Errors()
	lines, ok := datafile.YAML(file, text, &c, problems)
	if !ok {
		return Calendar{}, false
	}
	if !id.MatchString(c.ID) || !named(file, c.ID) {
		problems.Add(file, lines.Of("id"), "datafile.bad_id", c.ID)
	}
	if len(c.Weekend) > 3 { // a week of days off alone would never end
		problems.Add(file, lines.Of("weekend"), "appeal.bad_weekend", fmt.Sprint(c.Weekend))
	}
	for i, w := range c.Weekend {
		if _, known := weekdays[w]; !known {
			problems.Add(file, lines.Of("weekend", i), "appeal.bad_weekend", w)
		}
	}
	oneOf(file, lines.Of("confidence"), "confidence", c.Confidence, problems, Confirmed, Unconfirmed)
	checkSource(file, lines.Of("source"), c.Source, problems)
	for i, h := range c.Holidays {
		at := lines.Of("holidays", i)
		if _, err := time.Parse("2006-01-02", "2024-"+h.Date); err != nil || !monthDay.MatchString(h.Date) {
			problems.Add(file, at, "appeal.bad_date", h.Date)
		}
		if h.Within.Backwards() {
			problems.Add(file, at, "datafile.backwards", string(h.Within.From), string(h.Within.To))
		}
	}
	for i, y := range c.Years {
		at := lines.Of("years", i)
		if i > 0 && y.Year <= c.Years[i-1].Year || y.Year < 1990 || y.Year > 2199 {
			problems.Add(file, at, "appeal.bad_year", y.Year)
		}
		if y.Complete && (y.Source == nil || len(y.Missing) > 0) || !y.Complete && len(y.Missing) == 0 {
			problems.Add(file, at, "appeal.year_incomplete", y.Year)
		}
		for _, d := range slices.Concat(y.Off, y.Worked) {
			if d.Day.Year() != y.Year {
				problems.Add(file, at, "appeal.day_of_other_year", string(d.Day), y.Year)
			}
		}
	}
	return c, problems.Errors() == before
}
