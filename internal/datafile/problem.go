// Package datafile reads and writes the files of data that people keep by hand:
// YAML and CSV, strictly, with the line of every entry, and every problem found
// rather than the first alone.
//
// It knows nothing of what the files say; appeal and authority stand on it. It
// reads bytes that it is given, and those may come from a stranger. It is the
// only door to the YAML library.
package datafile

import (
	"cmp"
	"fmt"
	"slices"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Problem is one thing wrong with a file, said so that whoever keeps the file
// knows what to do.
type Problem struct {
	File    string          `json:"file"`
	Line    int             `json:"line,omitempty"` // 0: the file as a whole
	What    locale.Sentence `json:"what"`
	Warning bool            `json:"warning"` // worth a look; the data can be used all the same
}

// Problems collects what is wrong with a folder of files.
type Problems []Problem

// Add notes an error: the data cannot be used.
func (p *Problems) Add(file string, line int, key string, args ...any) {
	*p = append(*p, Problem{File: file, Line: line, What: locale.Say(key, args...)})
}

// Warn notes what is worth a look.
func (p *Problems) Warn(file string, line int, key string, args ...any) {
	*p = append(*p, Problem{File: file, Line: line, What: locale.Say(key, args...), Warning: true})
}

// Errors counts the problems that are no warnings.
func (p Problems) Errors() (n int) {
	for _, one := range p {
		if !one.Warning {
			n++
		}
	}
	return n
}

// Sort puts the problems in the order of files and lines.
func (p Problems) Sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.What.Key, b.What.Key),
			cmp.Compare(fmt.Sprint(a.What.Args...), fmt.Sprint(b.What.Args...)))
	})
}

// Err is nil without errors, else the fault datafile.wrong with the number of
// errors; the problems themselves are for whoever asks to see them.
func (p Problems) Err() error {
	for _, one := range p {
		if !one.Warning {
			return fault.Invalid("datafile.wrong", p.Errors(), fmt.Sprintf("%s:%d", one.File, one.Line))
		}
	}
	return nil
}
