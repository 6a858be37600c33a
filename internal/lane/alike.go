package lane

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"strings"
	"time"
	"unicode"

	"kua/internal/locale"
)

// Texts that are much the same are found by MinHash over their pieces of four
// letters (A. Broder, On the resemblance and containment of documents, 1997):
// bands of two hashes each, so that texts which have half of their pieces in
// common meet in some band in nine of ten cases, and unlike ones seldom. What
// meets is then compared piece by piece. Marks are erased after alikeDays, so a
// submission costs the same however much is archived.
const (
	bands       = 8
	bandHashes  = 2
	pieceLength = 4

	alikeDays    = 7   // as long back as texts are compared
	alikeMost    = 3   // so many earlier ones, and the next waits
	alikeShare   = 0.5 // of their pieces in common
	alikeLetters = 40  // shorter texts are the same by chance: "no water"
	alikeRead    = 10  // of each band, newest first
	alikeShown   = 20  // to a checker
)

// lookalikes are Cyrillic letters that are typed as Latin ones to hide a text
// from comparing, and the reverse.
var lookalikes = strings.NewReplacer("а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "к", "k", "м", "m", "т", "t", "н", "h", "в", "b", "і", "i", "қ", "k", "ү", "y", "ұ", "y")

// pieces are the different pieces of four letters of a text, hashed; digits,
// signs, case and letters that look like others do not count.
func pieces(text string) []uint64 {
	var b strings.Builder
	for _, w := range locale.Words(text) {
		w = strings.Map(func(r rune) rune {
			if !unicode.IsLetter(r) {
				return -1
			}
			return r
		}, w)
		if w != "" {
			b.WriteString(lookalikes.Replace(locale.Keyboard(w)))
			b.WriteByte(' ')
		}
	}
	letters := []rune(b.String())
	if len(letters) < alikeLetters {
		return nil
	}
	var all []uint64
	for i := range len(letters) - pieceLength + 1 {
		h := fnv.New64a()
		h.Write([]byte(string(letters[i : i+pieceLength])))
		all = append(all, h.Sum64())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mixed is SplitMix64's finalizer: from one hash, as many as are needed.
func mixed(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// marksOf gives one mark for each band; nil for a text without pieces.
func marksOf(all []uint64) (marks []int64) {
	if len(all) == 0 {
		return nil
	}
	for band := range uint64(bands) {
		mark := band
		for i := range uint64(bandHashes) {
			least := ^uint64(0)
			for _, p := range all {
				least = min(least, mixed(p^mixed((band*bandHashes+i+1)*0x9e3779b97f4a7c15)))
			}
			mark = mixed(mark ^ least)
		}
		marks = append(marks, int64(mark))
	}
	return marks
}

// inCommon is the share of two sorted sets' elements that both have.
func inCommon(a, b []uint64) float64 {
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch cmp.Compare(a[i], b[j]) {
		case 0:
			both, i, j = both+1, i+1, j+1
		case -1:
			i++
		default:
			j++
		}
	}
	return float64(both) / float64(max(len(a)+len(b)-both, 1))
}

// Alike gives the requests of these days whose words are much the same as a
// text's, newest first and at most alikeShown.
func (l *Lane) Alike(ctx context.Context, words string) ([]Request, error) {
	_, all, err := l.alike(ctx, words, alikeShown)
	return all, err
}

// alike gives at most most of them.
func (l *Lane) alike(ctx context.Context, words string, most int) (marks []int64, all []Request, err error) {
	own := pieces(words)
	marks = marksOf(own)
	since := l.now().UTC().AddDate(0, 0, -alikeDays).Format(time.DateOnly)
	ids, err := l.db.Similar(ctx, marks, since, alikeRead)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Compare(b, a) })
	for _, id := range ids {
		if len(all) == most {
			break
		}
		kept, err := l.db.Request(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if inCommon(own, pieces(kept.Words)) >= alikeShare {
			r, err := shown(kept)
			if err != nil {
				return nil, nil, err
			}
			all = append(all, r)
		}
	}
	return marks, all, nil
}

// tooAlike reports that much the same words came several times in these days, and
// gives the marks by which they are found again.
func (l *Lane) tooAlike(ctx context.Context, words string) (marks []int64, many bool, err error) {
	marks, all, err := l.alike(ctx, words, alikeMost)
	return marks, len(all) == alikeMost, err
}

// SweepMarks erases by what texts were compared that are older than is compared.
func (l *Lane) SweepMarks(ctx context.Context) error {
	return l.db.ForgetMarks(ctx, l.now().UTC().AddDate(0, 0, -alikeDays).Format(time.DateOnly))
}
