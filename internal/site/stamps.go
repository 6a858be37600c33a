package site

import (
	"slices"

	"kua/internal/edition"
)

// stampsOnPage is how many services' commands the page about checking names.
const stampsOnPage = 2

// takeStamps puts time stamps, and the certificates they lead to, into the edition.
func (r *render) takeStamps() error {
	now := &r.block.Stamped
	for _, s := range r.in.Stamps {
		for path, b := range map[string][]byte{
			edition.StampedPath(s.Edition): s.Note, edition.StampPath(s.Edition, s.RootsID): s.Response, edition.StampRootsPath(s.RootsID): s.Roots,
		} {
			if err := r.w.put(path, b); err != nil {
				return err
			}
		}
		if s.Edition > now.Edition {
			*now = stamped{Edition: s.Edition}
		}
		if s.Edition == now.Edition && !slices.Contains(now.Roots, s.RootsID) {
			now.Roots = append(now.Roots, s.RootsID)
		}
	}
	return nil
}

// stampRecipe gives the commands for the newest stamps, and of which edition's log they are.
func (r *render) stampRecipe() (int, []edition.Step, error) {
	now := r.block.Stamped
	if now.Edition == 0 {
		return 0, nil, nil
	}
	note, err := r.w.read(edition.StampedPath(now.Edition))
	if err != nil {
		return 0, nil, err
	}
	return now.Edition, edition.StampRecipe(now.Edition, note, now.Roots[:min(len(now.Roots), stampsOnPage)], r.in.Charter), nil
}
