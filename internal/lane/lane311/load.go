package lane311

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"

	"golang.org/x/sync/errgroup"
)

// Loading says how the cases of another system are taken over out of a file in the
// form of GeoReport Bulk, as spec/open311.md describes it.
type Loading struct {
	Lane     *lane.Lane
	Source   string     // what that system is called here
	Language locale.Tag // of its cases; "": the directory's first
	LookedAt bool       // a person has looked at those with words of danger, links or numbers
	Progress func(done, total int64)
}

// LineFault is what is wrong in one line of a file.
type LineFault struct {
	Line int
	Err  error
}

// Loaded is what became of a file.
type Loaded struct {
	Fresh, There int         // taken over now; there before
	Left         []LineFault // left out, since nobody has looked at them
	Wrong        []LineFault // nothing is taken over while there are any; at most maxWrong
}

const (
	maxWrong  = 20  // lines that are told
	loadBatch = 500 // cases of one transaction
)

// Load takes the cases of a file over that are not there yet. It reads it twice:
// first every line is held against form and directory, and where one is wrong
// nothing is kept. One that was cut off goes on when it is run again, since the
// numbers of the other system are known. size is that of the file, in bytes.
func (o Loading) Load(ctx context.Context, file io.ReadSeeker, size int64) (done Loaded, err error) {
	to, err := o.Lane.Importer(ctx, o.Source)
	if err != nil {
		return done, err
	}
	to.LookedAt = o.LookedAt
	_, router, err := o.Lane.Current(ctx)
	if err != nil {
		return done, err
	}
	l := &load{Loading: o, to: to, directory: router.Directory(), size: size}
	if l.Language == "" {
		l.Language = l.directory.Info.Languages[0]
	}
	err = l.read(ctx, file, func(all []told) error {
		for _, c := range all {
			if len(c.Doubts) > 0 {
				done.Left = append(done.Left, LineFault{c.line, fault.Conflict("lane311.load.doubt", strings.Join(c.Doubts, ", "))})
			}
		}
		return nil
	})
	if err != nil || len(l.wrong) > 0 {
		return Loaded{Wrong: l.wrong}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return done, err
	}
	l.before = size
	// A batch is kept while the next is read.
	keeping, ctx := errgroup.WithContext(ctx)
	keeping.SetLimit(1)
	err = l.read(ctx, file, func(all []told) error {
		var batch []lane.Checked
		for _, c := range all {
			if len(c.Doubts) == 0 {
				batch = append(batch, c.Checked)
			}
		}
		keeping.Go(func() error {
			fresh, err := to.Take(ctx, batch)
			if err != nil {
				return err
			}
			done.Fresh, done.There = done.Fresh+fresh, done.There+len(batch)-fresh
			return nil
		})
		return ctx.Err()
	})
	if kept := keeping.Wait(); kept != nil {
		return done, kept
	}
	if len(l.wrong) > 0 { // the file has changed meanwhile
		return Loaded{Fresh: done.Fresh, There: done.There, Wrong: l.wrong}, err
	}
	return done, err
}

// load is one reading of a file.
type load struct {
	Loading
	to           *lane.Importer
	directory    authority.Directory
	size, before int64
	wrong        []LineFault
}

// told is a line that is right.
type told struct {
	lane.Checked
	line int
}

// line is one that was read.
type line struct {
	at  int
	f   lane.Foreign
	err error
}

// read gives the lines that are right to each, some at a time, and gathers what is wrong.
func (l *load) read(ctx context.Context, file io.Reader, each func([]told) error) error {
	r := csv.NewReader(file)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return fault.Invalid("lane311.load.csv", 1).Because(err)
	}
	at, err := place(header)
	if err != nil {
		return err
	}
	var newest appeal.Day
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.Progress != nil {
			l.Progress(l.before+r.InputOffset(), 2*l.size)
		}
		lines, end := l.lines(r, at)
		if end != nil && !errors.Is(end, io.EOF) {
			return end
		}
		right, err := l.hold(lines, &newest)
		if err != nil {
			return err
		}
		if err := each(right); err != nil {
			return err
		}
		if end != nil || len(l.wrong) >= maxWrong {
			return nil
		}
	}
}

// lines reads the next ones; the fault is io.EOF after the last.
func (l *load) lines(r *csv.Reader, at map[string]int) (lines []line, err error) {
	for len(lines) < loadBatch {
		record, err := r.Read()
		if parse, ok := errors.AsType[*csv.ParseError](err); ok { // what follows may be anything
			err = fault.Invalid("lane311.load.csv", parse.Line).Because(err)
			return append(lines, line{at: parse.Line, err: err}), io.EOF
		}
		if err != nil {
			return lines, err
		}
		n, _ := r.FieldPos(0)
		f, err := l.foreign(func(name string) string {
			i, there := at[name]
			if !there {
				return ""
			}
			return strings.TrimSpace(strings.ReplaceAll(record[i], "\r\n", "\n"))
		})
		lines = append(lines, line{n, f, err})
	}
	return lines, nil
}

// hold holds lines against form, order and directory. newest is the day of the last that was right.
func (l *load) hold(lines []line, newest *appeal.Day) (right []told, err error) {
	var all []lane.Foreign
	for _, one := range lines {
		if one.err == nil {
			all = append(all, one.f)
		}
	}
	checked := l.to.Check(all)
	for _, one := range lines {
		wrong := one.err
		if wrong == nil {
			c := checked[0]
			checked = checked[1:]
			switch wrong = c.Err; {
			case wrong == nil && one.f.Day < *newest:
				wrong = fault.Invalid("lane311.load.order")
			case wrong == nil:
				*newest = one.f.Day
				right = append(right, told{c, one.at})
			}
		}
		if _, ours := fault.Of(wrong); wrong != nil && !ours {
			return nil, wrong
		}
		if wrong != nil {
			l.wrong = append(l.wrong, LineFault{one.at, wrong})
		}
		if len(l.wrong) >= maxWrong {
			return right, nil
		}
	}
	return right, nil
}

// needed are the columns without which nothing can be taken over.
var needed = []string{"service_request_id", "requested_datetime", "status_description", "service_subtype", "description"}

// place says where each column stands. One that is not of the form is refused: it
// may be a known one that is written wrongly.
func place(header []string) (map[string]int, error) {
	at := map[string]int{}
	for i, name := range header {
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff")
		}
		name = strings.TrimSpace(name)
		if _, twice := at[name]; twice || !slices.Contains(bulkColumns, name) {
			return nil, fault.Invalid("lane311.load.column", name)
		}
		at[name] = i
	}
	for _, name := range needed {
		if _, there := at[name]; !there {
			return nil, fault.Invalid("lane311.load.missing", name)
		}
	}
	return at, nil
}

// foreign reads one line.
func (l *load) foreign(field func(name string) string) (f lane.Foreign, err error) {
	for _, name := range bulkColumns {
		if !utf8.ValidString(field(name)) {
			return f, fault.Invalid("lane311.load.text", name)
		}
	}
	f = lane.Foreign{Number: field("service_request_id"), Category: field("service_subtype"), Language: l.Language, Words: field("description"),
		Landmark: field("address"), Notes: field("status_notes")}
	switch field("status_description") {
	case "open":
		f.Open = true
	case "closed":
	default:
		return f, fault.Invalid("lane311.load.status", field("status_description"))
	}
	if f.Day, err = dayOf(field("requested_datetime")); err != nil {
		return f, fault.Invalid("open311.date", "requested_datetime").Because(err)
	}
	for _, name := range []string{"updated_datetime", "closed_date"} {
		if given := field(name); given != "" {
			if on, err := dayOf(given); err != nil || on < f.Day {
				return f, fault.Invalid("open311.date", name).Because(err)
			}
		}
	}
	lat, long := field("lat"), field("long")
	if lat == "" && long == "" {
		f.Area, err = whole(l.directory)
		return f, err
	}
	north, err1 := strconv.ParseFloat(lat, 64)
	east, err2 := strconv.ParseFloat(long, 64)
	at, ok := authority.At(north, east)
	if err1 != nil || err2 != nil || !ok {
		return f, fault.Invalid("open311.coordinates")
	}
	f.At = &at
	return f, nil
}

// dayOf gives the day of an instant (RFC 3339) or of a day, where it was written.
func dayOf(s string) (appeal.Day, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(time.DateOnly, s)
	}
	return appeal.Day(t.Format(time.DateOnly)), err
}
