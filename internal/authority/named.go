package authority

import (
	"slices"
	"strings"

	"kua/internal/locale"
)

// maxNamed is how many words are looked for; what is more is left out.
const maxNamed = 10

// Named gives the areas that words lead to, in the order of the directory: each word is part of a
// name, in any language and as any keyboard writes it, of the area or of one that it lies in,
// and one of them of its own. What is called just so comes first.
func (r *Router) Named(query string) []Area {
	var words []string
	for _, word := range locale.Words(query) {
		words = append(words, locale.Keyboard(word))
	}
	if len(words) == 0 {
		return nil
	}
	names, just := r.names(), strings.Join(words, " ")
	slices.Sort(words)
	words = slices.Compact(words)
	words = words[:min(len(words), maxNamed)]
	all, in := uint64(1)<<len(words)-1, map[*Area]uint64{} // a bit for each word: each name is looked through once
	for at, called := range names {
		for i, word := range words {
			if slices.ContainsFunc(called, func(name string) bool { return strings.Contains(name, word) }) {
				in[at] |= 1 << i
			}
		}
	}
	leads := func(a *Area) bool {
		found := in[a]
		for at, depth := r.areas[a.Parent], 0; found != 0 && found != all && at != nil && depth <= maxDepth; at, depth = r.areas[at.Parent], depth+1 {
			found |= in[at]
		}
		return in[a] != 0 && found == all
	}
	var first, others []Area
	for i := range r.d.Areas {
		switch a := &r.d.Areas[i]; {
		case !leads(a):
		case slices.Contains(names[a], just):
			first = append(first, *a)
		default:
			others = append(others, *a)
		}
	}
	return append(first, others...)
}

// folded gives the names of all areas as they are searched.
func (r *Router) folded() map[*Area][]string {
	names := map[*Area][]string{}
	for i := range r.d.Areas {
		a := &r.d.Areas[i]
		for _, name := range a.Names {
			names[a] = append(names[a], locale.Keyboard(strings.Join(locale.Words(name), " ")))
		}
	}
	return names
}
