package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
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

// lister is a source that can say what it holds.
type lister interface {
	walk(yield func(path string, mode fs.FileMode) error) error
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

// OpenPlain opens a file of a tree that strangers may have made. A link, a pipe
// or a folder in its place is the fault verify.not_a_file.
func OpenPlain(d *durable.Dirs, path string) (f *os.File, err error) {
	err = d.At(path, func(dir *os.Root, name string) error {
		info, err := dir.Lstat(name)
		if err == nil && !info.Mode().IsRegular() {
			return fault.Corrupt("verify.not_a_file", path)
		}
		if err != nil {
			return err
		}
		// Not to wait for somebody to write into a pipe that was put there meanwhile.
		f, err = dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		return err
	})
	switch {
	case errors.Is(err, syscall.ENOTDIR): // a file stands where a folder should
		return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	case err != nil && (strings.Contains(err.Error(), "escapes") || errors.Is(err, syscall.ELOOP)): // os.Root has no name for the first
		return nil, fault.Corrupt("verify.not_a_file", path).Because(err)
	}
	return f, err
}

func (d *dir) walk(yield func(string, fs.FileMode) error) error {
	return fs.WalkDir(d.root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return yield(path, e.Type())
	})
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
	f, err := r.src.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fault.Corrupt("verify.too_large", path)
	}
	return b, nil
}
