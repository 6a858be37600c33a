package authority

import (
	"slices"

	"kua/internal/datafile"
	"kua/internal/locale"
)

// Former is what a directory had once and has no more, while there are reports of it: its
// names, and of an area also where its ground lies now. Nothing is routed by it and
// nothing of it can be chosen.
type Former struct {
	Areas       []Area // the parent of each is one of the directory's own areas, or ""
	Authorities []Authority
	Categories  []Category
}

// Problems warns of what reports are of and the directory does not have.
func (f Former) Problems() (all datafile.Problems) {
	for _, a := range f.Areas {
		all.Warn(areasFile, 0, "authority.former_area", a.ID, a.Parent)
	}
	for _, a := range f.Authorities {
		all.Warn(authoritiesFile, 0, "authority.former_authority", a.ID)
	}
	for _, k := range f.Categories {
		all.Warn(categoriesFile, 0, "authority.former_category", k.ID)
	}
	return all
}

// Gone are ids that a directory does not have.
type Gone struct{ Areas, Authorities, Categories []string }

// None reports that nothing is looked for.
func (g Gone) None() bool { return len(g.Areas)+len(g.Authorities)+len(g.Categories) == 0 }

// Gone gives those of some ids that the directory does not have.
func (r *Router) Gone(of Gone) Gone {
	return Gone{gone(of.Areas, r.areas), gone(of.Authorities, r.authorities), gone(of.Categories, r.categories)}
}

// Files names the files of a directory in which what is looked for would stand.
func (g Gone) Files() (names []string) {
	for name, ids := range map[string][]string{areasFile: g.Areas, authoritiesFile: g.Authorities, categoriesFile: g.Categories} {
		if len(ids) > 0 {
			names = append(names, name)
		}
	}
	return names
}

func gone[T any](ids []string, known map[string]*T) (all []string) {
	for _, id := range ids {
		if id != "" && known[id] == nil {
			all = append(all, id)
		}
	}
	return all
}

// Found takes what an older directory has of what is gone from this one, and gives what that one
// does not have either.
func (f *Former) Found(gone Gone, older, now *Router) (left Gone) {
	for _, id := range gone.Areas {
		a, err := older.Area(id)
		if err != nil {
			left.Areas = append(left.Areas, id)
			continue
		}
		f.Areas = append(f.Areas, Area{ID: a.ID, Kind: a.Kind, Names: a.Names, Parent: older.within(a, now)})
	}
	for _, id := range gone.Authorities {
		if a, err := older.Authority(id); err == nil {
			f.Authorities = append(f.Authorities, a)
		} else {
			left.Authorities = append(left.Authorities, id)
		}
	}
	for _, id := range gone.Categories {
		if k, err := older.Category(id); err == nil {
			f.Categories = append(f.Categories, k)
		} else {
			left.Categories = append(left.Categories, id)
		}
	}
	return left
}

// within is the smallest area of another directory in which an area of this one lay. Where that
// one has none of them left, it is its only whole, "" when it has several.
func (r *Router) within(a Area, now *Router) string {
	for depth := 0; a.Parent != "" && depth <= maxDepth; depth++ {
		if _, err := now.Area(a.Parent); err == nil {
			return a.Parent
		}
		above, err := r.Area(a.Parent)
		if err != nil {
			break
		}
		a = above
	}
	whole := ""
	for _, one := range now.d.Areas {
		if one.Parent != "" {
			continue
		}
		if whole != "" {
			return ""
		}
		whole = one.ID
	}
	return whole
}

// Now gives the area itself or, of one that is gone, the one in which it lay, if any is left: where whoever
// asks for it by an old address finds what they look for.
func (d Directory) Now(area string) string {
	for _, a := range d.Former.Areas {
		if a.ID == area && a.Parent != "" {
			return a.Parent
		}
	}
	return area
}

// AreaNames gives the names of an area, one that is gone included; nil of one that was never there.
func (r *Router) AreaNames(id string) locale.Texts {
	if a := r.areas[id]; a != nil {
		return a.Names
	}
	i := slices.IndexFunc(r.d.Former.Areas, func(a Area) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return r.d.Former.Areas[i].Names
}

// AuthorityNames is AreaNames for an authority.
func (r *Router) AuthorityNames(id string) locale.Texts {
	if a := r.authorities[id]; a != nil {
		return a.Names
	}
	i := slices.IndexFunc(r.d.Former.Authorities, func(a Authority) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return r.d.Former.Authorities[i].Names
}

// CategoryNames is AreaNames for a category.
func (r *Router) CategoryNames(id string) locale.Texts {
	if k := r.categories[id]; k != nil {
		return k.Names
	}
	i := slices.IndexFunc(r.d.Former.Categories, func(k Category) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return r.d.Former.Categories[i].Names
}
