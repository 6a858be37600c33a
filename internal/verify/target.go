package verify

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"kua/internal/edition"
	"kua/internal/fault"
)

// Target verifies what a person names: the address or folder of an edition
// (everything), the address or file of a record's page or document (that record),
// or any single file that is or was part of an edition. against is the address
// or folder of an edition to hold a lone file against, by its own bytes and
// whatever it is called; without it the file must lie in one.
func Target(ctx context.Context, target, against string, opts Options) (Report, error) {
	if against != "" && !isFolder(target) {
		return holdAgainst(ctx, target, against, opts)
	}
	src, path, err := resolve(target, opts.HTTP)
	if err != nil {
		return Report{}, err
	}
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	switch {
	case path == "":
		return Edition(ctx, src, opts)
	case recordPath.MatchString(path):
		return Record(ctx, src, path, opts)
	case edition.PartOf(path) != "":
		r := newRun(src, src.String(), opts)
		r.report.Path = path
		err := r.listedFile(ctx, path)
		return r.done(), err
	}
	return File(ctx, src, target, opts)
}

// holdAgainst verifies one file, here or at an address, against an edition that
// lies elsewhere.
func holdAgainst(ctx context.Context, target, against string, opts Options) (Report, error) {
	src, err := open(against, opts.HTTP)
	if err != nil {
		return Report{}, err
	}
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	return File(ctx, src, target, opts)
}

func isFolder(target string) bool {
	info, err := os.Stat(target)
	return err == nil && info.IsDir()
}

func isAddress(target string) bool {
	return strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

// openFile opens a file, here or at an address.
func openFile(ctx context.Context, target string, client *http.Client) (io.ReadCloser, error) {
	if !isAddress(target) {
		f, err := os.Open(target)
		if err != nil {
			return nil, fault.NotFound("verify.no_target", target).Because(err)
		}
		return f, nil
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, fault.Invalid("verify.address", target)
	}
	src, err := HTTP(u.Scheme+"://"+u.Host, client)
	if err != nil {
		return nil, err
	}
	f, err := src.Open(ctx, strings.TrimPrefix(u.EscapedPath(), "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFound("verify.no_target", target).Because(err)
	}
	return f, err
}

// resolve cuts a target into a source and the path within it.
func resolve(target string, client *http.Client) (src Source, path string, err error) {
	if isAddress(target) {
		base, path := cutAddress(target)
		src, err := open(base, client)
		return src, path, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, "", fault.NotFound("verify.no_target", target).Because(err)
	}
	if info.IsDir() {
		src, err := Dir(target)
		return src, "", err
	}
	root, within, err := rootAbove(target)
	if err != nil {
		return nil, "", err
	}
	src, err = Dir(root)
	return src, within, err
}

func open(where string, client *http.Client) (Source, error) {
	if isAddress(where) {
		return HTTP(where, client)
	}
	return Dir(where)
}

// cutAddress finds the edition's own address in that of one of its pages: the
// longest path that an edition can have comes off at the end.
func cutAddress(address string) (base, path string) {
	u, err := url.Parse(address)
	if err != nil {
		return address, ""
	}
	u.RawQuery, u.Fragment = "", ""
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	for i := range segments {
		p := strings.Join(segments[i:], "/")
		if edition.PartOf(p) != "" || p == edition.ManifestPath {
			u.Path = "/" + strings.Join(segments[:i], "/")
			if edition.PartOf(p) != "r-"+blockOf(p) {
				p = "" // a front page or the like stands for the whole
			}
			return strings.TrimSuffix(u.String(), "/"), p
		}
	}
	return address, ""
}

var recordPath = regexp.MustCompile(`^(?:[a-z]{2}(?:-[a-z]{4})?/r|records)/([0-9]{4})/([0-9]{6})(?:-[0-9]+\.html|\.html|/v([0-9]+)\.json)$`)

func blockOf(path string) string {
	if m := recordPath.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	return "none"
}

// rootAbove finds the edition that a file lies in, and the file's path in it.
func rootAbove(file string) (root, within string, err error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", "", err
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, edition.ManifestPath)); err == nil {
			within, err := filepath.Rel(dir, abs)
			return dir, filepath.ToSlash(within), err
		}
		if dir == filepath.Dir(dir) {
			return "", "", fault.Invalid("verify.lone_file", file)
		}
	}
}
