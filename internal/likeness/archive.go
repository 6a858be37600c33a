package likeness

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
