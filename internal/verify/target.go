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
	"slices"
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
	src, path, page, err := resolve(ctx, target, opts.HTTP)
	if err != nil {
		return Report{}, err
	}
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	if page != "" { // it must be one of those that the whole consists of
		only := opts
		only.State = "" // what is to be remembered the whole says
		r := newRun(src, src.String(), only)
		r.report.Path = page
		if err := r.listedFile(ctx, page); err != nil || r.report.Result != OK {
			return r.done(), err
		}
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

// resolve cuts a target into a source and the path within it. A page that is none of
// a record stands for the whole: its path is "", and page names it.
func resolve(ctx context.Context, target string, client *http.Client) (src Source, path, page string, err error) {
	if isAddress(target) {
		base, path := cutAddress(target)
		if path == "" {
			if base, path, err = aboveLanguage(ctx, base, client); err != nil {
				return nil, "", "", err
			}
		}
		if recordPath.FindString(path) == "" && edition.PartOf(path) != "" {
			page, path = path, ""
		}
		src, err := open(base, client)
		return src, path, page, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, "", "", fault.NotFound("verify.no_target", target).Because(err)
	}
	if info.IsDir() {
		src, err := Dir(target)
		return src, "", "", err
	}
	root, within, err := rootAbove(target)
	if err != nil {
		return nil, "", "", err
	}
	src, err = Dir(root)
	return src, within, "", err
}

// aboveLanguage takes /en off the address of a front page as a browser shows it, when
// the edition lies above. What lies deeper there, as a search does, the server makes
// itself, and nobody signed it.
func aboveLanguage(ctx context.Context, address string, client *http.Client) (base, path string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return address, "", nil
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	isLanguage := func(s string) bool { return edition.PartOf(s+"/index.html") != "" }
	if !slices.ContainsFunc(segments, isLanguage) || holdsEdition(ctx, address, client) {
		return address, "", nil
	}
	for i, s := range slices.Backward(segments) {
		folder := strings.Join(segments[i:], "/") + "/index.html"
		if edition.PartOf(folder) == "" && !isLanguage(s) {
			continue
		}
		u.Path, u.RawQuery, u.Fragment = "/"+strings.Join(segments[:i], "/"), "", ""
		base := strings.TrimSuffix(u.String(), "/")
		if !holdsEdition(ctx, base, client) {
			continue
		}
		if edition.PartOf(folder) == "" {
			return "", "", fault.Invalid("verify.address", address)
		}
		return base, folder, nil
	}
	return address, "", nil
}

func holdsEdition(ctx context.Context, address string, client *http.Client) bool {
	src, err := open(address, client)
	if err != nil {
		return false
	}
	f, err := src.Open(ctx, edition.ManifestPath)
	return err == nil && f.Close() == nil
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
			if p == edition.ManifestPath {
				p = ""
			}
			return strings.TrimSuffix(u.String(), "/"), p
		}
	}
	return address, ""
}

var recordPath = regexp.MustCompile(`^(?:[a-z]{2}(?:-[a-z]{4})?/r|records)/([0-9]{4})/([0-9]{6})(?:-[0-9]+\.html|\.html|/v([0-9]+)\.json)$`)

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
