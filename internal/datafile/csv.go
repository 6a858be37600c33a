package datafile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
)

// Row is one line of a CSV file, its cells by the name of their column.
type Row struct {
	Line  int
	cells map[string]string
}

// Cell gives the cell of a column without blanks around it, "" where it is empty.
func (r Row) Cell(column string) string { return r.cells[column] }

// CSV reads a file (RFC 4180, UTF-8, commas) whose first line names the
// columns, in any order: all of columns must be there and no others. Lines
// without any text are passed over. What is wrong is added to problems.
func CSV(file string, b []byte, columns []string, problems *Problems) (rows []Row, ok bool) {
	if !PlainText(file, b, MaxBytes, problems) {
		return nil, false
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		problems.Add(file, 0, "datafile.empty")
		return nil, false
	}
	if err != nil {
		csvProblem(file, err, problems)
		return nil, false
	}
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	ok = true
	for i, name := range head {
		if !slices.Contains(columns, name) || slices.Contains(head[:i], name) {
			problems.Add(file, 1, "datafile.column", name, strings.Join(columns, ","))
			ok = false
		}
	}
	for _, name := range columns {
		if !slices.Contains(head, name) {
			problems.Add(file, 1, "datafile.no_column", name, strings.Join(columns, ","))
			ok = false
		}
	}
	for ok {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			csvProblem(file, err, problems)
			return rows, false
		}
		line, _ := r.FieldPos(0)
		row := Row{Line: line, cells: make(map[string]string, len(head))}
		for i, name := range head {
			row.cells[name] = strings.TrimSpace(record[i])
		}
		if strings.TrimSpace(strings.Join(record, "")) != "" {
			rows = append(rows, row)
		}
	}
	return rows, ok
}

func csvProblem(file string, err error, problems *Problems) {
	var at *csv.ParseError
	if errors.As(err, &at) {
		problems.Add(file, at.Line, "datafile.csv", at.Err.Error())
		return
	}
	problems.Add(file, 0, "datafile.csv", err.Error())
}

// WriteCSV gives a file that CSV reads back.
func WriteCSV(columns []string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(columns); err != nil {
		return nil, err
	}
	err := w.WriteAll(rows) // flushes
	return b.Bytes(), err
}
