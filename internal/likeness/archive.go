package likeness

import "slices"

// Archive holds the clear frames of many files in memory, 32 bytes for each, so
// that a new file can be looked for in all of them without reading them again.
// It is not safe for several goroutines at a time. The zero value is empty.
type Archive struct {
	hashes []Hash
	files  []shelved
	place  map[int64]int // of a file, in files
}

// shelved is one file: where its hashes lie.
type shelved struct {
	id       int64
	from, to int
}

// Put takes in a file's prints in their plain form, in place of what it had
// under that number before; nil takes it out. What Parse would refuse is a file
// without clear frames.
func (a *Archive) Put(id int64, plain []byte) {
	if a.place == nil {
		a.place = make(map[int64]int)
	}
	if i, there := a.place[id]; there {
		a.empty(i)
	}
	f := shelved{id: id, from: len(a.hashes)}
	if len(plain) > headBytes {
		for b := plain[headBytes:]; len(b) >= frameBytes; b = b[frameBytes:] {
			if b[4] >= MinQuality {
				a.hashes = append(a.hashes, readHash(b[5:]))
			}
		}
	}
	f.to = len(a.hashes)
	if i, there := a.place[id]; there {
		a.files[i] = f
		return
	}
	a.place[id] = len(a.files)
	a.files = append(a.files, f)
}

// empty takes the hashes of a file out, so that no print is kept of what was
// replaced or taken away; those of the others move up.
func (a *Archive) empty(i int) {
	from, to := a.files[i].from, a.files[i].to
	a.hashes = slices.Delete(a.hashes, from, to)
	for j := range a.files {
		if a.files[j].from >= to {
			a.files[j].from -= to - from
			a.files[j].to -= to - from
		}
	}
	a.files[i].to = from
}

// Find gives the files of which a clear frame is one of p's, perhaps turned, in
// the order in which they first came. p must have all its hashes.
func (a *Archive) Find(p Prints) []int64 { return a.find(finders(p)) }

func (a *Archive) find(finders []*finder) []int64 {
	there := make([]bool, len(a.files))
	for _, find := range finders {
		for i, f := range a.files {
			if there[i] {
				continue
			}
			for _, h := range a.hashes[f.from:f.to] {
				if find.has(h) {
					there[i] = true
					break
				}
			}
		}
	}
	var found []int64
	for i, f := range a.files {
		if there[i] {
			found = append(found, f.id)
		}
	}
	return found
}
