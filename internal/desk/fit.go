package desk

import (
	"mime"
	"path"

	"kua/internal/charter"
	"kua/internal/locale"
	"kua/internal/record"
)

// crashHook is called at the points between which a publishing or collecting
// can be cut off. Tests kill the process there; it does nothing otherwise.
var crashHook func(point string)

func (d *Desk) crash(point string) {
	if crashHook != nil {
		crashHook(point)
	}
}

func keyID(p charter.Person) string { return charter.KeyID(p.PublishKey) }

// pagesOf gives the paths of a record's pages, language → path.
func pagesOf(r record.Record, c charter.Charter) map[string]string {
	pages := make(map[string]string)
	languages := r.Languages
	if len(languages) == 0 {
		languages = c.Languages // a tombstone has none of its own
	}
	for _, l := range languages {
		if tag, ok := locale.Parse(l); ok {
			pages[l] = tag.Path() + "/r/" + r.ID[:4] + "/" + r.ID + ".html"
		}
	}
	return pages
}

// types are the kinds of files that an edition holds and whose media type must
// not depend on what the machine knows.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".json": "application/json", ".atom": "application/atom+xml; charset=utf-8",
	".css": "text/css; charset=utf-8", ".mp4": "video/mp4", ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".jpg": "image/jpeg",
	".webp": "image/webp", ".png": "image/png", ".svg": "image/svg+xml", ".pem": "application/x-pem-file", ".sh": "text/plain; charset=utf-8",
	".txt": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8", ".sig": "application/octet-stream", ".tsr": "application/octet-stream",
}

func typeOf(name string) string {
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
