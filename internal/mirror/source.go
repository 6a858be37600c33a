package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/verify"
)

// Source is a copy of an edition, on whatever carries it. It is not trusted.
type Source interface {
	// Open gives the bytes of a file from an offset on. at is where they really
	// begin: 0 when this source cannot begin in the middle. For a file that is
	// not there errors.Is(err, fs.ErrNotExist) holds.
	Open(ctx context.Context, path string, from int64) (body io.ReadCloser, at int64, err error)
	String() string // for people: where it is
}

// folder is a copy in a folder, on a stick for instance.
type folder struct {
	path string
	root *os.Root
	dirs *durable.Dirs
}

// Dir is a copy in a folder. Nothing outside of it is read, whatever links a
// stranger has put there, and what is no plain file is refused. Close it with
// io.Closer when done.
func Dir(path string) (Source, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fault.NotFound("verify.no_folder", path).Because(err)
	}
	return &folder{path, root, durable.NewDirs(root)}, nil
}

func (d *folder) String() string { return d.path }

// Close lets go of the folder.
func (d *folder) Close() error {
	d.dirs.Forget()
	return d.root.Close()
}

func (d *folder) Open(_ context.Context, path string, from int64) (io.ReadCloser, int64, error) {
	f, err := verify.OpenPlain(d.dirs, path)
	if err != nil {
		return nil, 0, err
	}
	if from > 0 {
		if _, err := f.Seek(from, io.SeekStart); err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
	}
	return f, from, nil
}

// readSmall gives a whole file of at most limit bytes; a longer one is the
// fault verify.too_large.
func readSmall(ctx context.Context, src Source, path string, limit int64) ([]byte, error) {
	body, at, err := src.Open(ctx, path, 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if at != 0 {
		return nil, fault.Corrupt("verify.differs", path)
	}
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fault.Corrupt("verify.too_large", path)
	}
	return b, nil
}
