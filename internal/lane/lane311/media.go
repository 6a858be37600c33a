package lane311

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/page"
)

// Photos come as files of a form in parts, whatever their fields are called. They
// lie in memory until the whole form is known, since the key and the words may come
// behind them: of what is refused no photo is cleaned, and of what was sent before
// none is cleaned again.
const (
	// maxUpload is the most bytes of a form with photos.
	maxUpload = maxForm + lane.MaxPictures*lane.MaxPictureBytes + 64<<10
	// maxPhoto is the memory that the largest photo takes: a byte more shows that one is too large.
	maxPhoto = lane.MaxPictureBytes + 1
	// maxHeld is the most that is held of all photos at a time, two forms with as many and
	// as large ones as may come, and maxEarly of those whose sender has not shown a key yet.
	maxHeld  = 2 * lane.MaxPictures * maxPhoto
	maxEarly = 8 << 20
	// partCost is what a part takes of the form beside its text.
	partCost = 64
)

// held is how much memory of the photos' is taken.
type held struct {
	mu         sync.Mutex // of what follows
	all, early int
}

// take takes memory for one form, early if its sender has not shown a key.
func (h *held) take(n int, early bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all+n > maxHeld || early && h.early+n > maxEarly {
		return false
	}
	if h.all += n; early {
		h.early += n
	}
	return true
}

func (h *held) give(all, early int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all -= all
	h.early -= early
}

// brought is what came with a call beside its texts.
type brought struct {
	photos     [][]byte
	trouble    error // why one was not taken
	all, early int   // bytes of memory that are taken for it
}

func (s *Server) letGo(v *visit) {
	s.held.give(v.brought.all, v.brought.early)
	v.brought = brought{}
}

// readParts reads a form as it comes. Why a photo was not taken stands in the
// visit; the rest is read all the same, so that whoever sends hears why.
func (s *Server) readParts(v *visit) error {
	body := page.Patiently(v.rw, v.Body)
	v.Body = http.MaxBytesReader(v.rw, body, maxUpload)
	parts, err := v.MultipartReader()
	if err != nil {
		return fault.Invalid("lane311.bad_form").Because(err)
	}
	v.form = url.Values{}
	left := int64(maxForm)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			body.Whole()
			return nil
		}
		if err != nil {
			return unread(err)
		}
		if isFile(part) {
			if err := s.hold(v, part); err != nil {
				return unread(err)
			}
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return unread(err)
		}
		if left -= int64(len(text)+len(part.FormName())) + partCost; left < 0 {
			return fault.TooLarge("lane311.too_large", maxForm>>10)
		}
		v.form.Add(part.FormName(), string(text))
	}
}

// isFile reports a part that is a file: with a name, or as a picture. A field for
// files in which none was chosen has neither.
func isFile(p *multipart.Part) bool {
	return p.FileName() != "" || strings.HasPrefix(p.Header.Get("Content-Type"), "image/")
}

func unread(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.TooLarge("lane311.too_large", maxUpload>>10)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.Later("laneweb.too_slow").Because(err)
	}
	return fault.Invalid("lane311.bad_form").Because(err)
}

// hold takes a photo into memory. Its error is the connection's.
func (s *Server) hold(v *visit, from io.Reader) error {
	b := &v.brought
	if b.trouble == nil {
		b.trouble = s.mayBring(v)
	}
	var photo []byte
	for b.trouble == nil {
		if len(photo) == cap(photo) {
			more := min(max(64<<10, cap(photo)/2), maxPhoto-cap(photo))
			early := v.form.Get("api_key") == ""
			if !s.held.take(more, early) {
				b.trouble = fault.Later("lane.pictures_busy")
				if early {
					b.trouble = fault.Later("lane311.key_first")
				}
				break
			}
			if b.all += more; early {
				b.early += more
			}
			photo = append(make([]byte, 0, cap(photo)+more), photo...)
		}
		n, err := from.Read(photo[len(photo):cap(photo)])
		photo = photo[:len(photo)+n]
		switch {
		case len(photo) > lane.MaxPictureBytes:
			b.trouble = fault.TooLarge("lane.picture_large", lane.MaxPictureBytes>>20)
		case errors.Is(err, io.EOF):
			b.photos = append(b.photos, photo)
			return nil
		case err != nil:
			return err
		}
	}
	_, err := io.Copy(io.Discard, from)
	return err
}

// mayBring reports why a call may not bring another photo. A key that has come
// already is looked at.
func (s *Server) mayBring(v *visit) error {
	switch {
	case !s.lane.TakesPictures():
		return fault.Invalid("lane311.no_media")
	case len(v.brought.photos) == lane.MaxPictures:
		return fault.Invalid("lane.too_many_pictures", lane.MaxPictures)
	case v.form.Get("api_key") == "":
		return nil
	}
	_, _, err := s.key(v)
	return err
}

// pictures has the photos of a call cleaned, and gives the names of what was made of
// them. They are dropped one by one.
func (s *Server) pictures(v *visit) (all []string, err error) {
	if err := v.brought.trouble; err != nil {
		return nil, err
	}
	for i, photo := range v.brought.photos {
		p, err := s.lane.AddPicture(v.Context(), bytes.NewReader(photo))
		if err != nil {
			return nil, err
		}
		if v.brought.photos[i] = nil; !slices.Contains(all, p.Hash) { // the same photo twice is one
			all = append(all, p.Hash)
		}
	}
	return all, nil
}

// proof is the picture that an update brings; "" for none. An act has one.
func (s *Server) proof(v *visit) (string, error) {
	if len(v.brought.photos) > 1 {
		return "", cmp.Or(v.brought.trouble, error(fault.Invalid("lane.too_many_pictures", 1)))
	}
	all, err := s.pictures(v)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0], nil
}
