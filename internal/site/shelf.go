package site

import (
	"fmt"
	"slices"
	"strings"
)

// perPage is how many records a list page shows.
const perPage = 50

// slot is a page of a shelf: "2022-01", 3.
type slot struct {
	Name string `json:"name"`
	Page int    `json:"page"`
}

// A shelf is a family of pages of at most perPage entries each: the list of all
// records, a month, a place. Records are put on the last page and stay on the
// page they are on, so that an addition changes one page and the addresses of
// all others hold.
type shelf struct {
	kind string // list, when, place
	name string // "" for the list
}

// sheet is one page of a shelf.
type sheet struct {
	Entries []entry `json:"entries"`

	fresh bool // it came to be in this update
}

// state is where the sheet's entries are kept.
func (s shelf) state(page int) string {
	if s.name == "" {
		return fmt.Sprintf("data/%s/%d.json", s.kind, page)
	}
	return fmt.Sprintf("data/%s/%s-%d.json", s.kind, s.name, page)
}

// address is the sheet's page, without the language.
func (s shelf) address(page int) string {
	switch {
	case s.name == "":
		return fmt.Sprintf("/%s/%d.html", s.kind, page)
	case page == 1:
		return fmt.Sprintf("/%s/%s.html", s.kind, s.name)
	}
	return fmt.Sprintf("/%s/%s-%d.html", s.kind, s.name, page)
}

// shelves holds the sheets an update has touched.
type shelves struct {
	w      *workspace
	sheets map[slotOf]*sheet
}

type slotOf struct {
	shelf
	page int
}

func newShelves(w *workspace) *shelves {
	return &shelves{w: w, sheets: make(map[slotOf]*sheet)}
}

// open gives a sheet for reading and changing.
func (s *shelves) open(at shelf, page int) (*sheet, error) {
	key := slotOf{at, page}
	if sh := s.sheets[key]; sh != nil {
		return sh, nil
	}
	sh := &sheet{fresh: !s.w.exists(at.state(page))}
	if err := s.w.load(at.state(page), sh); err != nil {
		return nil, err
	}
	s.sheets[key] = sh
	return sh, nil
}

// put sets the entry on a sheet, in order of id.
func (s *shelves) put(at shelf, page int, e entry) error {
	sh, err := s.open(at, page)
	if err != nil {
		return err
	}
	i, found := slices.BinarySearchFunc(sh.Entries, e.ID, byID)
	if found {
		sh.Entries[i] = e
	} else {
		sh.Entries = slices.Insert(sh.Entries, i, e)
	}
	return nil
}

// take removes the entry from a sheet.
func (s *shelves) take(at shelf, page int, id string) error {
	sh, err := s.open(at, page)
	if err != nil {
		return err
	}
	if i, found := slices.BinarySearchFunc(sh.Entries, id, byID); found {
		sh.Entries = slices.Delete(sh.Entries, i, i+1)
	}
	return nil
}

// find gives the entry of a record on a sheet.
func (s *shelves) find(at shelf, page int, id string) (entry, bool, error) {
	sh, err := s.open(at, page)
	if err != nil {
		return entry{}, false, err
	}
	i, found := slices.BinarySearchFunc(sh.Entries, id, byID)
	if !found {
		return entry{}, false, nil
	}
	return sh.Entries[i], true, nil
}

// peek gives the entry of a record on a sheet that is open already.
func (s *shelves) peek(at shelf, page int, id string) entry {
	sh := s.sheets[slotOf{at, page}]
	if sh == nil {
		return entry{}
	}
	i, found := slices.BinarySearchFunc(sh.Entries, id, byID)
	if !found {
		return entry{}
	}
	return sh.Entries[i]
}

// room gives the page of a shelf that takes the next entry: its last one, or a
// new one when that is full.
func (s *shelves) room(at shelf, pages int) (page int, err error) {
	if pages == 0 {
		return 1, nil
	}
	sh, err := s.open(at, pages)
	if err != nil {
		return 0, err
	}
	if len(sh.Entries) >= perPage {
		return pages + 1, nil
	}
	return pages, nil
}

// byID orders entries; ids are six digits.
func byID(e entry, id string) int { return strings.Compare(e.ID, id) }
