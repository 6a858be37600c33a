package deskweb

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kua/internal/desk"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/page"
)

// shownAs is the media type under which an original may be given to the
// browser's own player. It follows what the boxed probe found and never the
// name or the type that came with the file. Everything else is only saved:
// photos and documents are looked at on pictures made in the box.
func shownAs(o evidence.Original) (string, bool) {
	format := strings.ToLower(o.Medium.Format)
	has := func(names ...string) bool {
		for _, n := range names {
			if strings.Contains(format, n) {
				return true
			}
		}
		return false
	}
	switch o.Medium.Kind {
	case evidence.Film:
		switch {
		case has("mp4", "mov", "3gp"):
			return "video/mp4", true
		case has("webm", "matroska"):
			return "video/webm", true
		case has("ogg"):
			return "video/ogg", true
		}
	case evidence.Sound:
		switch {
		case has("mp4", "mov", "m4a"):
			return "audio/mp4", true
		case has("mp3", "mpeg"):
			return "audio/mpeg", true
		case has("ogg", "opus"):
			return "audio/ogg", true
		case has("wav"):
			return "audio/wav", true
		case has("flac"):
			return "audio/flac", true
		case has("webm", "matroska"):
			return "audio/webm", true
		}
	}
	return "application/octet-stream", false
}

// playOriginal gives an original's bytes, any part of them, straight from the
// sealed parcel. The desk has written the custody event before the first byte.
func playOriginal(v *visit) error {
	id := v.number("id")
	info, err := v.desk.OriginalInfo(v.r.Context(), id)
	if err != nil {
		return err
	}
	o, err := v.seat.Original(v.r.Context(), id)
	if err != nil {
		return err
	}
	defer o.Close()
	kind, playable := shownAs(info)
	return v.stream(o, kind, !playable || v.r.URL.Query().Has("save"), fmt.Sprintf("original-%d%s", id, extension(info.Path)))
}

// playViewing gives the viewing copy of a film or sound.
func playViewing(v *visit) error {
	o, err := v.seat.Viewing(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	defer o.Close()
	return v.stream(o, o.Type, false, "")
}

// viewOriginal gives a picture of a photo (page 0) or of a document's page for
// marking, with nothing covered. It is made in the box and held in memory; no
// browser may keep it.
func viewOriginal(v *visit) error {
	page, err := strconv.Atoi(v.r.PathValue("page"))
	if err != nil {
		return fault.NotFound("media.no_page", v.r.PathValue("page"))
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	defer cancel()
	defer context.AfterFunc(v.app.alive(), cancel)() // a lock does not wait for a picture
	view, err := v.seat.View(ctx, v.number("id"), page)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Length", strconv.Itoa(len(view.JPEG)))
	_, _ = v.w.Write(view.JPEG) // whoever asked may have gone
	return nil
}

func playDerivative(v *visit) error {
	o, err := v.seat.Derivative(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	defer o.Close()
	return v.stream(o, o.Type, v.r.URL.Query().Has("save"), fmt.Sprintf("derivative-%d", v.number("id")))
}

// stream answers with a file or the ranges of it that were asked for, and stops
// as soon as the desk is locked. The file can do nothing in the browser: it may
// load nothing, run nothing, and is never taken for another type.
func (v *visit) stream(o *desk.Opened, kind string, save bool, name string) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if save {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
	http.ServeContent(v.w, v.r, "", time.Time{}, &leashed{o.SectionReader, v.app.alive()})
	return nil
}

// leashed reads until the desk is locked.
type leashed struct {
	*io.SectionReader
	life context.Context
}

func (l *leashed) Read(p []byte) (int, error) {
	if err := l.life.Err(); err != nil {
		return 0, err
	}
	return l.SectionReader.Read(p)
}

// extension is the short, plain ending of a path inside a parcel.
func extension(path string) string {
	_, after, ok := strings.Cut(path[strings.LastIndex(path, "/")+1:], ".")
	if !ok || len(after) > 5 || strings.ContainsAny(after, "\"\\/ ") {
		return ""
	}
	return "." + after
}

// previewFile gives one file of the site as a proposal would make it, under the
// same rules by which a reader's browser would treat it.
func previewFile(v *visit) error {
	id, path := v.number("id"), v.r.PathValue("path")
	if path == "" || strings.HasSuffix(path, "/") {
		path += "index.html"
	}
	o, err := v.seat.PreviewFile(v.r.Context(), id, path)
	if err != nil {
		return err
	}
	defer o.Close()
	v.app.sessions.open(v.who, fmt.Sprintf("%d/%s", id, path))
	kind := o.Type
	if kind == "" {
		kind = mime.TypeByExtension(path[strings.LastIndex(path, "."):])
	}
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", page.Policy{Media: true}.CSP())
	http.ServeContent(v.w, v.r, "", time.Time{}, &leashed{o.SectionReader, v.app.alive()})
	return nil
}
