package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/onion"
)

// Source is a copy of an edition. Open gives the bytes of a file by its path
// within the edition; for a file that is not there errors.Is(err,
// fs.ErrNotExist) holds.
type Source interface {
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	String() string // for people: where it is
}

// lister is a source that can say what it holds: every folder, and what in it is
// none.
type lister interface {
	walk(yield func(folder string, files []fs.DirEntry) error) error
}

// quick is a source that reads small files in fewer steps than Open takes.
type quick interface {
	readInto(path string, b []byte) (int, error)
}

type dir struct {
	path string
	root *os.Root
	dirs *durable.Dirs
}

// Dir is a copy in a folder. Links are not followed out of it, and a link is
// never taken for a file. Close the source's folder with io.Closer when done.
func Dir(path string) (Source, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fault.NotFound("verify.no_folder", path).Because(err)
	}
	return &dir{path, root, durable.NewDirs(root)}, nil
}

func (d *dir) String() string { return d.path }

// Close lets go of the folder.
func (d *dir) Close() error {
	d.dirs.Forget()
	return d.root.Close()
}

func (d *dir) Open(_ context.Context, path string) (io.ReadCloser, error) {
	f, err := OpenPlain(d.dirs, path)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *dir) readInto(path string, b []byte) (int, error) { return ReadPlain(d.dirs, path, b) }

// OpenPlain opens a file of a tree that strangers may have made. A link, a pipe
// or a folder in its place is the fault verify.not_a_file.
func OpenPlain(d *durable.Dirs, path string) (f *os.File, err error) {
	err = d.At(path, func(dir *os.Root, name string) error {
		info, err := dir.Lstat(name)
		if err == nil && !info.Mode().IsRegular() {
			return durable.ErrNotPlain
		}
		if err != nil {
			return err
		}
		// Not to wait for somebody to write into a pipe that was put there meanwhile.
		f, err = dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		return err
	})
	return f, notPlain(path, err)
}

// ReadPlain reads such a file, to its end or until b is full, and gives how many
// bytes came.
func ReadPlain(d *durable.Dirs, path string, b []byte) (int, error) {
	n, err := d.Read(path, b)
	return n, notPlain(path, err)
}

// notPlain gives an error of the system its meaning.
func notPlain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOTDIR): // a file stands where a folder should
		return fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	case errors.Is(err, durable.ErrNotPlain), errors.Is(err, syscall.ELOOP), strings.Contains(err.Error(), "escapes"): // os.Root has no name for the last
		return fault.Corrupt("verify.not_a_file", path).Because(err)
	}
	return err
}

func (d *dir) walk(yield func(string, []fs.DirEntry) error) error { return walk(d.root, "", yield) }

func walk(at *os.Root, folder string, yield func(string, []fs.DirEntry) error) error {
	f, err := at.Open(".")
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := yield(cmp.Or(folder, "."), slices.DeleteFunc(slices.Clone(entries), fs.DirEntry.IsDir)); err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || isDropping(e.Name()) {
			continue
		}
		below, err := at.OpenRoot(e.Name())
		if err != nil {
			return err
		}
		err = walk(below, path.Join(folder, e.Name()), yield)
		if err := errors.Join(err, below.Close()); err != nil {
			return err
		}
	}
	return nil
}

// web is a copy that any web server serves as files.
type web struct {
	base   string // without a slash at the end
	client *http.Client
}

// stalled is how long a server may take to begin an answer, or to send the next
// bytes of one.
const stalled = time.Minute

// HTTP is a copy at an address: plain GETs of files, nothing else is asked of
// the server. client may be nil: then an onion address is refused, since it
// takes a client that goes through Tor.
func HTTP(base string, client *http.Client) (Source, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Invalid("verify.address", base)
	}
	if client == nil && onion.Is(u.Hostname()) {
		return nil, fault.Invalid("onion.needs_tor", u.Hostname())
	}
	if client == nil {
		t := onion.Direct()
		t.ResponseHeaderTimeout = stalled
		client = &http.Client{Transport: t}
	}
	return &web{strings.TrimSuffix(base, "/"), client}, nil
}

func (w *web) String() string { return w.base }

func (w *web) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	var last error
	for try := range 3 {
		if try > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(try) * time.Second):
			}
		}
		body, again, err := w.get(ctx, path)
		if err == nil || !again {
			return body, err
		}
		last = err
	}
	return nil, last
}

func (w *web) get(ctx context.Context, path string) (body io.ReadCloser, again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/"+path, nil)
	if err != nil {
		cancel()
		return nil, false, err
	}
	res, err := w.client.Do(req)
	if err != nil {
		cancel()
		return nil, ctx.Err() == nil, fmt.Errorf("fetch %s: %w", path, err)
	}
	switch {
	case res.StatusCode == http.StatusOK:
		return newImpatient(res.Body, cancel), false, nil
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone || res.StatusCode == http.StatusForbidden:
		err = fmt.Errorf("fetch %s: %w", path, fs.ErrNotExist)
	default:
		again = res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500
		err = fmt.Errorf("fetch %s: %s", path, res.Status)
	}
	cancel()
	return nil, again, errors.Join(err, res.Body.Close())
}

// impatient gives up on a body that has sent nothing for a while.
type impatient struct {
	io.ReadCloser
	timer  *time.Timer
	cancel context.CancelFunc
}

func newImpatient(body io.ReadCloser, cancel context.CancelFunc) *impatient {
	return &impatient{body, time.AfterFunc(stalled, cancel), cancel}
}

func (p *impatient) Read(b []byte) (int, error) {
	p.timer.Reset(stalled)
	return p.ReadCloser.Read(b)
}

func (p *impatient) Close() error {
	p.timer.Stop()
	p.cancel()
	return p.ReadCloser.Close()
}

// read gives a whole small file. One longer than limit is a finding for the
// caller.
func (r *run) read(ctx context.Context, path string, limit int64) ([]byte, error) {
	var b []byte
	if limit <= smallFile {
		b = make([]byte, limit+1)
		n, err := r.readInto(ctx, path, b)
		if err != nil {
			return nil, err
		}
		b = b[:n]
	} else {
		f, err := r.src.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if b, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	if int64(len(b)) > limit {
		return nil, fault.Corrupt("verify.too_large", path)
	}
	return b, nil
}

// readInto reads a file to its end or until b is full.
func (r *run) readInto(ctx context.Context, path string, b []byte) (int, error) {
	if q, ok := r.src.(quick); ok {
		return q.readInto(path, b)
	}
	f, err := r.src.Open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	return n, nil
}
