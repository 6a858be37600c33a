package likeness

// Strength says how two files hang together.
type Strength string

// The strengths of a likeness, the strongest first.
const (
	Same Strength = "same" // one is a copy of the other, or most of one is in the other
	Part Strength = "part" // they share a stretch
	Like Strength = "like" // a photo, and a moment of a film
)

const (
	// sameShare is vPDQ's: how much of a film must be found in the other.
	sameShare = 0.8
	// leastShared is the shortest stretch that two films must share, in
	// milliseconds: one moment alike can be chance, or a title.
	leastShared = 2000
)

// Match is how much of one file was found in another.
type Match struct {
	Strength Strength
	Turned   bool    // it was found turned or mirrored
	Mine     float64 // share of the first one's time that is in the second
	Theirs   float64 // share of the second one's time that is in the first
	Shared   int64   // milliseconds of the first one's
}

// Compare looks for one file in another, frame by frame, as vPDQ does: a frame
// is found when another lies within MaxDistance; frames below MinQuality do not
// count. The first must have all its hashes. It reports false when they have
// nothing in common.
func Compare(mine, theirs Prints) (Match, bool) {
	var best Match
	for turn := range Turns {
		m := compare(mine, theirs, turn)
		if stronger(m, best) {
			best = m
		}
	}
	return best, best.Strength != ""
}

func stronger(a, b Match) bool {
	rank := map[Strength]int{"": 0, Like: 1, Part: 2, Same: 3}
	if rank[a.Strength] != rank[b.Strength] {
		return rank[a.Strength] > rank[b.Strength]
	}
	return a.Shared > b.Shared
}

func compare(mine, theirs Prints, turn int) Match {
	found := make([]bool, len(theirs.Frames))
	var mineAll, mineFound, theirsAll, theirsFound int64
	for i, f := range mine.Frames {
		if !f.Clear() {
			continue
		}
		hit := false
		for j, g := range theirs.Frames {
			if g.Clear() && f.Hashes[turn].Distance(g.Hashes[0]) <= MaxDistance {
				hit, found[j] = true, true
			}
		}
		mineAll += mine.shown(i)
		if hit {
			mineFound += mine.shown(i)
		}
	}
	for j, g := range theirs.Frames {
		if g.Clear() {
			theirsAll += theirs.shown(j)
			if found[j] {
				theirsFound += theirs.shown(j)
			}
		}
	}
	if mineFound == 0 {
		return Match{}
	}
	m := Match{
		Turned: turn > 0, Shared: mineFound,
		Mine: float64(mineFound) / float64(mineAll), Theirs: float64(theirsFound) / float64(theirsAll),
	}
	photos := mine.Length == 0 || theirs.Length == 0
	switch {
	case photos && mine.Length != theirs.Length:
		m.Strength = Like
	case m.Mine >= sameShare || m.Theirs >= sameShare:
		m.Strength = Same
	case min(mineFound, theirsFound) >= leastShared:
		m.Strength = Part
	default:
		return Match{}
	}
	return m
}
