package laneweb

import (
	"cmp"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/page"
)

// The fields of photos: files as they come, hashes of pictures that are cleaned,
// and those of them that are to be left out.
const (
	photoField   = "photo"
	pictureField = "picture"
	dropField    = "drop"
)

// maxUpload is the most bytes of a form with photos.
const maxUpload = maxForm + lane.MaxPictures*lane.MaxPictureBytes + 64<<10

// multipart reads a form with photos as it comes: texts into the form, and of each
// photo the hash of the picture that was made of it. No photo touches the disk.
// Why one was not taken stands in the visit; the rest is read all the same.
func (w *Web) multipart(v *visit) error {
	body := page.Patiently(v.rw, v.Body)
	v.Body = http.MaxBytesReader(v.rw, body, maxUpload)
	parts, err := v.MultipartReader()
	if err != nil {
		return fault.Invalid("laneweb.bad_form").Because(err)
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
			return broken(err, maxUpload)
		}
		if part.FormName() == photoField && part.FileName() != "" {
			w.takePhoto(v, part)
			if _, err := io.Copy(io.Discard, part); err != nil {
				return broken(err, maxUpload)
			}
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return broken(err, maxUpload)
		}
		if left -= int64(len(text)); left < 0 {
			return fault.TooLarge("laneweb.too_large", maxForm>>10)
		}
		if part.FileName() == "" && part.FormName() != photoField {
			v.form.Add(part.FormName(), string(text))
		}
	}
}

// broken is why a form of at most so many bytes was not read.
func broken(err error, most int) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.TooLarge("laneweb.too_large", most>>10)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.Later("laneweb.too_slow").Because(err)
	}
	return fault.Invalid("laneweb.bad_form").Because(err)
}

// takePhoto has a photo cleaned and kept. The first reason why one was not is kept.
func (w *Web) takePhoto(v *visit, part *multipart.Part) {
	hash, err := "", error(nil)
	if len(v.form[pictureField])-len(v.form[dropField]) >= lane.MaxPictures {
		err = fault.Invalid("lane.too_many_pictures", lane.MaxPictures)
	} else if wait, busy := w.photos.take(); busy != nil {
		v.rw.Header().Set("Retry-After", strconv.Itoa(wait))
		err = fault.Later("lane.pictures_busy")
	} else {
		var p lane.Picture
		p, err = w.lane.AddPicture(v.Context(), part)
		hash = p.Hash
	}
	if hash != "" && !slices.Contains(v.form[pictureField], hash) {
		v.form.Add(pictureField, hash)
	}
	v.photoTrouble, v.photoTaken = cmp.Or(v.photoTrouble, err), v.photoTaken || hash != ""
}

// chosen gives the pictures of a form without those that are to be left out, and
// leaves the form so.
func chosen(form url.Values) []string {
	var all []string
	for _, hash := range form[pictureField] {
		if !slices.Contains(form[dropField], hash) && !slices.Contains(all, hash) {
			all = append(all, hash)
		}
	}
	delete(form, dropField)
	if delete(form, pictureField); len(all) > 0 {
		form[pictureField] = all
	}
	return all
}

// shot is a picture on a page.
type shot struct {
	Hash                  string
	Large, Small          string // addresses
	Width, Height         int    // of the small one
	LargeWidth, LargeHigh int
	Name                  string
	Apart                 bool // seen large beside the page: coming back to what a form answered would send it anew
}

// shots gives pictures for a page, numbered and named by what they show.
func (w *Web) shots(b base, all []lane.Picture) (out []shot) {
	for i, p := range all {
		name := w.cat.T(b.Lang, "laneweb.photo."+string(cmp.Or(p.Role, lane.Before)), i+1, len(all))
		out = append(out, shot{p.Hash, pictureAt(b, p.Hash), pictureAt(b, p.Small), p.SmallWidth, p.SmallHigh, p.Width, p.Height, name, p.Role == ""})
	}
	return out
}

func pictureAt(b base, hash string) string { return b.At("/picture/" + hash + ".jpg") }

// drafted gives the pictures of a draft. One that is gone is left out: sending
// says so.
func (w *Web) drafted(v *visit, b base, hashes []string) ([]shot, error) {
	var all []lane.Picture
	for _, hash := range hashes {
		p, err := w.lane.Picture(v.Context(), hash)
		if err == nil {
			all = append(all, p)
		} else if !errors.Is(err, fault.NotFound("lane.no_picture")) {
			return nil, err
		}
	}
	return w.shots(b, all), nil
}

// picture sends a picture, to whoever may see the request that it belongs to.
func (w *Web) picture(v *visit) error {
	hash, ok := strings.CutSuffix(v.PathValue("name"), ".jpg")
	if !ok {
		return fault.NotFound("page.not_found")
	}
	f, _, err := w.lane.OpenPicture(v.Context(), hash)
	if errors.Is(err, fault.NotFound("lane.no_picture")) {
		return fault.NotFound("page.not_found")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_ = http.NewResponseController(v.rw).SetWriteDeadline(time.Now().Add(page.LongWait))
	v.rw.Header().Set("Content-Type", "image/jpeg")
	http.ServeContent(v.rw, v.Request, "", time.Time{}, f)
	return nil
}

// photoIn is the first picture of each of some requests, for a list.
func (w *Web) photoIn(v *visit, b base, found []lane.Request) (map[int64]*shot, error) {
	var ids []int64
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	all, err := w.lane.Pictures(v.Context(), ids...)
	first := map[int64]*shot{}
	for id, pictures := range all {
		first[id] = &w.shots(b, pictures[:1])[0]
	}
	return first, err
}

// byEvent sorts a request's pictures by the event that brought them.
func (w *Web) byEvent(b base, all []lane.Picture) map[int64][]shot {
	sorted := map[int64][]lane.Picture{}
	for _, p := range all {
		sorted[p.Event] = append(sorted[p.Event], p)
	}
	out := map[int64][]shot{}
	for event, pictures := range sorted {
		out[event] = w.shots(b, pictures)
	}
	return out
}

// photoPolicy is that of a page that asks for a photo: its script makes the photo smaller
// before it is sent.
var photoPolicy = page.Policy{Forms: true, Scripts: true}

// PhotoSide is the longest side of what is kept of a photo, in pixels: more of it need not be sent.
func (base) PhotoSide() int { return lane.PictureSide }

// Shrinks reports that the page asks for a photo.
func (p formPage) Shrinks() bool { return p.MorePhotos && !p.NoPhotos }

// Shrinks is formPage's.
func (p linkPage) Shrinks() bool { return p.Photo && p.Can(string(lane.Mended)) }

// Shrinks is formPage's.
func (p minePage) Shrinks() bool {
	return p.TakesPhotos && p.Case != nil && (!p.Supporter || slices.ContainsFunc(p.Asked, func(a asking) bool { return a.Said == "" && !a.Late }))
}

// snaps are the photos of a form of words on a holder's page.
type snaps struct {
	P      *minePage
	ID     string // of its field
	Photos []shot // that came already, as everybody would see them
	Look   bool   // they are to be looked at before anything is said
}

// More reports that there is room for another one.
func (s snaps) More() bool { return len(s.Photos) < lane.MaxPictures }

// MostPhotos is formPage's.
func (minePage) MostPhotos() int { return lane.MaxPictures }

// snap fills the photos of the forms by which a holder adds words or answers; those that
// a form brought stand in that form.
func (w *Web) snap(v *visit, p *minePage) (err error) {
	p.Snaps = snaps{P: p, ID: "added"}
	mine := &p.Snaps
	for i := range p.Questions {
		q := &p.Questions[i]
		q.Snaps = snaps{P: p, ID: "answer-" + q.ID()}
		if v.form.Get("part") == q.ID() {
			mine = &q.Snaps
		}
	}
	if !p.TakesPhotos || v.form.Has("assignment") { // they are of a verdict
		return nil
	}
	if mine.Look = v.photoTaken && v.photoTrouble == nil; mine.Look {
		p.Looked = mine.ID
	}
	mine.Photos, err = w.drafted(v, p.base, chosen(v.form))
	return err
}

// MostPhotos and MostMB are the limits that the form names.
func (formPage) MostPhotos() int { return lane.MaxPictures }

// MostMB is the most megabytes of one photo.
func (formPage) MostMB() int { return lane.MaxPictureBytes >> 20 }
