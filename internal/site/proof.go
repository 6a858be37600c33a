package site

import (
	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/record"
)

// proof is what a stranger needs to check the record without us.
type proof struct {
	Document string // path from the root
	SHA256   string
	Size     int64
	Keys     []string // ids of the current people's: those who may have signed
	Enough   int      // how many of them must have
	Index    uint64   // of the entry in the log
	Recipe   []edition.Step
	Partial  bool // the recipe leaves out some of very many files
}

// PEM is where a key lies in the form that openssl reads.
func (proof) PEM(keyID string) string { return edition.KeyPath(keyID) }

func (r *render) proof(k *known, files int) proof {
	shown, all := recipeRecord(k.Record, files)
	p := proof{
		Document: k.Path(), SHA256: canon.Hash(k.doc), Size: int64(len(k.doc)), Index: k.entry.Index,
		Keys: r.keyIDs(), Enough: r.in.Charter.Threshold, Partial: !all,
	}
	p.Keys = p.Keys[:min(len(p.Keys), keysOnPage)]
	if files > noRecipe && k.recipes[files] == nil { // the same in every language
		k.recipes[files] = edition.Recipe(edition.RecipeInput{
			Record: shown, Document: k.doc, Charter: r.in.Charter, CharterID: r.charterID, Index: k.entry.Index,
		})
	}
	p.Recipe = k.recipes[files]
	return p
}

// recipeRecord gives the record with no more media than the commands on a page
// can name: at most so many files, which are named by their own SHA-256 anyhow.
func recipeRecord(rec record.Record, most int) (shown record.Record, all bool) {
	files := 0
	for i, m := range rec.Media {
		if files += len(m.Files) + 1; files > most {
			rec.Media = rec.Media[:i]
			return rec, false
		}
	}
	return rec, true
}
