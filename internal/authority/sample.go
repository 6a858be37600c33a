package authority

import (
	"embed"
	"io/fs"
)

//go:embed sample
var sample embed.FS

// Sample gives the folder of a made-up city, for demonstrations and tests. It is
// marked as made up, and no place, office or act in it exists.
func Sample() fs.FS {
	dir, err := fs.Sub(sample, "sample")
	if err != nil {
		panic(err) // the name is a constant
	}
	return dir
}
