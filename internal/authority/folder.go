package authority

import (
	"fmt"
	"io/fs"

	"kua/internal/appeal"
	"kua/internal/datafile"
)

// The files of a folder. law/ and calendars/ are the country's; where the
// folder has none, those that come with the program are taken.
const (
	infoFile        = "directory.yaml"
	areasFile       = "areas.geojson"
	authoritiesFile = "authorities.yaml"
	categoriesFile  = "categories.yaml"
	mandatesFile    = "mandates.csv"
)

var mandateColumns = []string{"category", "area", "authority", "from", "to", "act", "article", "address", "confidence", "checked_by", "checked_on"}

type authoritiesDoc struct {
	Authorities []Authority `yaml:"authorities"`
}

type categoriesDoc struct {
	Categories []Category `yaml:"categories"`
}

// Read reads a directory's folder and checks it against itself, as on a day.
// Every problem is given, not the first alone: those of single files, and when
// none of them is an error, what does not agree between them. With an error among
// the problems the directory must not be used.
func Read(fsys fs.FS, on appeal.Day) (Directory, datafile.Problems) {
	var unread datafile.Problems
	files := datafile.Folder(fsys, &unread)
	d, problems := ReadFiles(files, on)
	problems = append(unread, problems...)
	problems.Sort()
	return d, problems
}

// ReadFiles is Read for files that are in memory.
func ReadFiles(files datafile.Files, on appeal.Day) (Directory, datafile.Problems) {
	var d Directory
	var problems datafile.Problems
	r := reader{files, &problems}
	r.yaml(infoFile, &d.Info)
	if text, ok := r.file(areasFile); ok {
		d.Areas = ReadAreas(areasFile, text, &problems)
	}
	var authorities authoritiesDoc
	lines := r.yaml(authoritiesFile, &authorities)
	d.Authorities = authorities.Authorities
	for i := range d.Authorities {
		d.Authorities[i].line = lines.Of("authorities", i)
	}
	var categories categoriesDoc
	lines = r.yaml(categoriesFile, &categories)
	d.Categories = categories.Categories
	for i := range d.Categories {
		d.Categories[i].line = lines.Of("categories", i)
	}
	if text, ok := r.file(mandatesFile); ok {
		d.Mandates = readMandates(mandatesFile, text, &problems)
	}
	own, lawProblems := appeal.ReadBook(files)
	problems = append(problems, lawProblems...)
	d.Book = own
	if problems.Errors() == 0 {
		d.completeBook(&problems)
		d.check(on, &problems)
	}
	problems.Sort()
	return d, problems
}

// completeBook takes what the folder does not have from the law that comes with
// the program: its country's law, and the calendar that law counts by.
func (d *Directory) completeBook(problems *datafile.Problems) {
	shipped, err := appeal.Shipped()
	if err != nil {
		problems.Add(infoFile, 0, "datafile.unreadable", err.Error())
		return
	}
	if _, ok := d.Book.Laws[d.Info.Country]; !ok {
		if l, ok := shipped.Laws[d.Info.Country]; ok {
			d.Book.Laws[d.Info.Country] = l
		}
	}
	for _, l := range d.Book.Laws {
		if _, ok := d.Book.Calendars[l.Calendar]; !ok {
			if c, ok := shipped.Calendars[l.Calendar]; ok {
				d.Book.Calendars[l.Calendar] = c
			}
		}
	}
}

type reader struct {
	files    datafile.Files
	problems *datafile.Problems
}

func (r reader) file(name string) ([]byte, bool) {
	text, ok := r.files[name]
	if !ok {
		r.problems.Add(name, 0, "datafile.missing")
	}
	return text, ok
}

func (r reader) yaml(name string, into any) (lines datafile.Lines) {
	if text, ok := r.file(name); ok {
		lines, _ = datafile.YAML(name, text, into, r.problems)
	}
	return lines
}

func readMandates(file string, text []byte, problems *datafile.Problems) (all []Mandate) {
	rows, _ := datafile.CSV(file, text, mandateColumns, problems)
	for _, row := range rows {
		m := Mandate{
			Category: row.Cell("category"), Area: row.Cell("area"), Authority: row.Cell("authority"),
			Act: row.Cell("act"), Article: row.Cell("article"), Address: row.Cell("address"),
			Confidence: appeal.Confidence(row.Cell("confidence")), line: row.Line,
		}
		for column, day := range map[string]*appeal.Day{"from": &m.Span.From, "to": &m.Span.To, "checked_on": &m.Checked.On} {
			var err error
			if *day, err = appeal.ParseDay(row.Cell(column)); err != nil {
				problems.Add(file, row.Line, "appeal.bad_day", row.Cell(column))
			}
		}
		m.Checked.By = row.Cell("checked_by")
		all = append(all, m)
	}
	return all
}

// Write gives the files of the directory by their names. They are the same
// bytes each time and read back as the same directory.
func (d Directory) Write() (datafile.Files, error) {
	out, err := d.Book.Write()
	if err != nil {
		return nil, err
	}
	for name, doc := range map[string]any{infoFile: d.Info, authoritiesFile: authoritiesDoc{d.Authorities}, categoriesFile: categoriesDoc{d.Categories}} {
		if out[name], err = datafile.WriteYAML(doc); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	if out[areasFile], err = writeAreas(d.Areas); err != nil {
		return nil, err
	}
	rows := make([][]string, len(d.Mandates))
	for i, m := range d.Mandates {
		rows[i] = []string{m.Category, m.Area, m.Authority, string(m.Span.From), string(m.Span.To), m.Act, m.Article, m.Address,
			string(m.Confidence), m.Checked.By, string(m.Checked.On)}
	}
	out[mandatesFile], err = datafile.WriteCSV(mandateColumns, rows)
	return out, err
}
