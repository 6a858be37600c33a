package datafile

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Files are the files of a folder by their names, which are slash-separated.
type Files map[string][]byte

// Names gives the names in order.
func (f Files) Names() []string { return slices.Sorted(maps.Keys(f)) }

// In gives the names of the YAML files in a folder, in order.
func (f Files) In(dir string) (names []string) {
	for _, name := range f.Names() {
		if path.Dir(name) == dir && strings.HasSuffix(name, ".yaml") {
			names = append(names, name)
		}
	}
	return names
}

// maxFileBytes bounds what is read of one file before its own reader bounds it more.
const maxFileBytes = 64 << 20

// Folder reads the data files (.yaml, .csv, .geojson) of a folder and of the
// folders directly in it, and passes over all others. What cannot be read is
// added to problems.
func Folder(fsys fs.FS, problems *Problems) Files {
	files := Files{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			problems.Add(name, 0, "datafile.unreadable", cause(err))
			return nil
		}
		if d.IsDir() {
			if strings.Count(name, "/") > 0 {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".yaml", ".csv", ".geojson"}, path.Ext(name)) {
			return nil
		}
		info, err := fs.Stat(fsys, name) // follows a link
		switch {
		case err != nil:
			problems.Add(name, 0, "datafile.unreadable", cause(err))
		case !info.Mode().IsRegular():
			problems.Add(name, 0, "datafile.unreadable", info.Mode().Type().String())
		case info.Size() > maxFileBytes:
			problems.Add(name, 0, "datafile.too_large", maxFileBytes>>20)
		default:
			if files[name], err = fs.ReadFile(fsys, name); err != nil {
				delete(files, name)
				problems.Add(name, 0, "datafile.unreadable", cause(err))
			}
		}
		return nil
	})
	if err != nil {
		problems.Add(".", 0, "datafile.unreadable", cause(err))
	}
	return files
}

// cause is why a file could not be read, without its name.
func cause(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
