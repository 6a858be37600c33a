package media

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"

	"kua/internal/fault"
)

// What a picture for marking may be. It is no larger than what is published, so
// that nobody covers what readers cannot see and misses what they can.
const (
	viewQuality = 85
	maxView     = 8 << 20 // bytes
)

// View is a picture of an original, or of one page of it, with nothing covered.
type View struct {
	JPEG          []byte
	Width, Height int
	Picture       string // of a document's page: as in Page
}

// View makes in the box a picture of a photo (page 0) or of one page of a
// document (from 1), upright and with nothing covered, for a person to mark. Its
// longer side is at most that of what is published, and the places of a plan
// are the same on it. It comes out of the box as bytes and is on no disk. A page
// that is not there is the fault media.no_page.
func (m *Runner) View(ctx context.Context, in Input, page int) (View, error) {
	f, err := sniff(in)
	if err != nil {
		return View{}, err
	}
	if f.Type != Photo && f.Type != Document {
		return View{}, fault.Invalid("media.nothing_to_look_at")
	}
	if page < 0 || page > maxPages || (page == 0) != (f.Type == Photo) {
		return View{}, fault.NotFound("media.no_page", page)
	}
	var v View
	if err := m.ask(ctx, in, job{Do: "view", Format: f, Page: page}, &v); err != nil {
		return View{}, err
	}
	if len(v.JPEG) > maxView || !bytes.HasPrefix(v.JPEG, []byte("\xff\xd8\xff")) || v.Width < 1 || v.Height < 1 || max(v.Width, v.Height) > PageSide {
		return View{}, fault.New(fault.KindInternal, "media.box_died")
	}
	return v, nil
}

// Pages makes the picture of each page of a document and gives its size and hash,
// in order. What makes no pages, such as a spreadsheet, is a fault.
func (m *Runner) Pages(ctx context.Context, in Input) ([]Page, error) {
	f, err := sniff(in)
	if err != nil {
		return nil, err
	}
	if f.Type != Document {
		return nil, fault.Invalid("media.other_type", string(f.Type), string(Document))
	}
	var pages []Page
	if err := m.ask(ctx, in, job{Do: "pages", Format: f}, &pages); err != nil {
		return nil, err
	}
	if len(pages) == 0 || (Plan{Pages: pages}).validate() != nil {
		return nil, fault.New(fault.KindInternal, "media.box_died")
	}
	return pages, nil
}

// ask does in a box that can write nothing what answers at once.
func (m *Runner) ask(ctx context.Context, in Input, j job, into any) error {
	answer, err := m.enter(ctx, visit{args: []string{BoxCommand}, job: j, in: in, wall: Probe{Type: j.Format.Type}.wall(), tmp: j.Format.tmp()})
	if err != nil {
		return err
	}
	if json.Unmarshal(answer, into) != nil {
		return fault.New(fault.KindInternal, "media.box_died")
	}
	return nil
}

// view is the stage in the box.
func (s *stage) view() (View, error) {
	img, err := s.uncovered()
	if err != nil {
		return View{}, err
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: viewQuality}); err != nil {
		return View{}, err
	}
	v := View{JPEG: b.Bytes(), Width: img.Rect.Dx(), Height: img.Rect.Dy()}
	if s.Page > 0 {
		v.Picture = pictureHash(img)
	}
	return v, nil
}

func (s *stage) uncovered() (*image.RGBA, error) {
	if s.Page == 0 {
		if _, err := s.probePhoto(); err != nil {
			return nil, err
		}
		stored, n, err := s.decodePhoto()
		if err != nil {
			return nil, err
		}
		return s.upright(stored, n, func(size image.Point) image.Point { return within(size, photoSide) }), nil
	}
	sizes, err := s.sizes()
	if err != nil {
		return nil, err
	}
	if s.Page > len(sizes) {
		return nil, fault.NotFound("media.no_page", s.Page)
	}
	return s.renderPage(context.Background(), s.Page, sizes[s.Page-1])
}
