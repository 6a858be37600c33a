package edition

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
)

// Files gives the files that a part lists, checked against the part.
type Files func(part Part) ([]File, error)

// FilesIn reads parts from a tree.
func FilesIn(fsys fs.FS) Files {
	return func(p Part) ([]File, error) {
		doc, err := readSmall(fsys, p.Path(), MaxPart)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Corrupt("edition.part_missing", p.Path()).Because(err)
		}
		if err != nil {
			return nil, fmt.Errorf("read part %s: %w", p.Name, err)
		}
		return ParsePart(p, doc)
	}
}

// Update makes the next edition's manifest from the one before, the files that
// are new or different, and the paths that leave. It reads the parts these
// touch, and no other, and hands each that changed to write with its path. gone
// are the paths of parts that list nothing any more.
//
// prev with Number 0 stands for no edition before. In the manifest that comes
// back Kind, Number, Previous and Parts are set, Log is not, and the rest is prev's; the
// caller sets Made, FreshUntil, Charter, Records and Log.
func Update(prev Manifest, read Files, write func(path string, doc []byte) error, changed []File, removed []string) (next Manifest, gone []string, err error) {
	touched, err := groupByPart(changed, removed)
	if err != nil {
		return Manifest{}, nil, err
	}
	next = prev
	next.Kind, next.Number, next.Previous, next.Log = Kind, prev.Number+1, "", Before{}
	if prev.Number > 0 {
		doc, err := prev.Bytes()
		if err != nil {
			return Manifest{}, nil, err
		}
		next.Previous = canon.Hash(doc)
	}
	parts := make(map[string]Part, len(prev.Parts)+len(touched))
	for _, p := range prev.Parts {
		parts[p.Name] = p
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		old, had := parts[name]
		part, err := touched[name].rewrite(name, old, had, read, write)
		if err != nil {
			return Manifest{}, nil, fmt.Errorf("update part %s: %w", name, err)
		}
		parts[name] = part
		if part.Size == 0 {
			delete(parts, name)
			if had {
				gone = append(gone, old.Path())
			}
		}
	}
	next.Parts = slices.SortedFunc(maps.Values(parts), func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return next, gone, nil
}

// changes is what happens to the files of one part.
type changes struct {
	put    map[string]File
	remove map[string]bool
}

func groupByPart(changed []File, removed []string) (map[string]*changes, error) {
	touched := make(map[string]*changes)
	at := func(name string) *changes {
		if touched[name] == nil {
			touched[name] = &changes{make(map[string]File), make(map[string]bool)}
		}
		return touched[name]
	}
	for _, f := range changed {
		if err := f.validate(); err != nil {
			return nil, err
		}
		at(PartOf(f.Path)).put[f.Path] = f
	}
	for _, p := range removed {
		name := PartOf(p)
		if name == "" {
			return nil, fault.Invalid("edition.path", p)
		}
		if _, both := at(name).put[p]; both {
			return nil, fmt.Errorf("%s is changed and removed at once", p)
		}
		at(name).remove[p] = true
	}
	return touched, nil
}

// rewrite gives the part after the changes; one of size 0 is empty.
func (c *changes) rewrite(name string, old Part, had bool, read Files, write func(string, []byte) error) (Part, error) {
	var files []File
	if had {
		before, err := read(old)
		if err != nil {
			return Part{}, err
		}
		for _, f := range before {
			if _, again := c.put[f.Path]; !again && !c.remove[f.Path] {
				files = append(files, f)
			}
		}
	}
	files = slices.AppendSeq(files, maps.Values(c.put))
	if len(files) == 0 {
		return Part{}, nil
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	doc, err := canon.Marshal(list{Kind: KindPart, Name: name, Files: files})
	if err != nil {
		return Part{}, err
	}
	if len(files) > MaxFiles || len(doc) > MaxPart {
		return Part{}, fault.TooLarge("edition.part_too_large", name)
	}
	part := Part{Name: name, Size: int64(len(doc)), SHA256: canon.Hash(doc)}
	if part == old {
		return old, nil
	}
	return part, write(part.Path(), doc)
}

// Diff says what new has that old has not or has otherwise, and what old has
// that new has not. It looks only into parts that differ. old may be nil: then
// everything in new is changed.
func Diff(old, new *Manifest, oldFiles, newFiles Files) (changed []File, removed []string, err error) {
	if old == nil {
		old = &Manifest{}
	}
	names := make(map[string]bool)
	for _, p := range slices.Concat(old.Parts, new.Parts) {
		names[p.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		o, had := old.Part(name)
		n, has := new.Part(name)
		if o == n {
			continue
		}
		before, err := filesOf(o, had, oldFiles)
		if err != nil {
			return nil, nil, err
		}
		after, err := filesOf(n, has, newFiles)
		if err != nil {
			return nil, nil, err
		}
		for path, f := range after {
			if before[path] != f {
				changed = append(changed, f)
			}
		}
		for path := range before {
			if _, still := after[path]; !still {
				removed = append(removed, path)
			}
		}
	}
	slices.SortFunc(changed, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	slices.Sort(removed)
	return changed, removed, nil
}

func filesOf(p Part, there bool, read Files) (map[string]File, error) {
	files := make(map[string]File)
	if !there {
		return files, nil
	}
	fs, err := read(p)
	if err != nil {
		return nil, err
	}
	for _, f := range fs {
		files[f.Path] = f
	}
	return files, nil
}

// Find gives a path's line in the manifest.
func (m Manifest) Find(path string, read Files) (File, error) {
	if p, ok := m.Part(PartOf(path)); ok {
		files, err := read(p)
		if err != nil {
			return File{}, err
		}
		i, ok := slices.BinarySearchFunc(files, path, func(f File, s string) int { return cmp.Compare(f.Path, s) })
		if ok {
			return files[i], nil
		}
	}
	return File{}, fault.NotFound("edition.not_listed", path)
}

// ReadManifest reads the manifest's exact bytes and every signature beside it.
func ReadManifest(fsys fs.FS) (doc []byte, sigs charter.Signatures, err error) {
	doc, err = readSmall(fsys, ManifestPath, MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fault.NotFound("edition.none_here").Because(err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the manifest: %w", err)
	}
	paths, err := fs.Glob(fsys, ManifestPath+".*.sig")
	if err != nil {
		return nil, nil, err
	}
	sigs = make(charter.Signatures)
	for _, p := range paths {
		sig, err := readSmall(fsys, p, 64)
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", p, err)
		}
		sigs[strings.TrimSuffix(strings.TrimPrefix(p, ManifestPath+"."), ".sig")] = sig
	}
	return doc, sigs, nil
}

// SignaturePath is where the signature of key id over the document at path lies.
func SignaturePath(path, keyID string) string { return path + "." + keyID + ".sig" }

func readSmall(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fault.TooLarge("edition.file_too_large", name)
	}
	return b, err
}
