package site

import (
	"fmt"

	"kua/internal/caption"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
)

// maxSaid bounds what is said on a record's page, in bytes of a compressed page;
// of a longer talk the page leads to the file.
const maxSaid = 1_800

// maxTrack is the size up to which subtitles in the page's language are shown
// without being asked for: a browser fetches such a file with the page.
const maxTrack = 4_000

// track is a medium's subtitles in one language.
type track struct {
	HTML, Name, Path string
	Size             int64
	Own              bool // in the language of the page, and small
}

// said is what is said in a medium, in the language that the page's reader
// understands best.
type said struct {
	In    string // lang attribute; "" when it is the page's language
	Lines []saidLine
}

type saidLine struct {
	At   int // seconds
	Text string
}

// Plays reports whether the page has a player: only then are subtitles shown
// with the picture. Without them a plain way to the film is enough.
func (m medium) Plays() bool {
	return m.Type == "film" && len(m.Tracks) > 0 && m.Default.Type == "video/mp4"
}

// hear fills in a medium's subtitles and what is said.
func (r *render) hear(k *known, lang locale.Tag, m record.Media, v *medium) error {
	paths := make(map[string]string)
	for _, f := range m.Captions() {
		tag, ok := locale.Parse(f.Language)
		if !ok {
			return fault.Invalid("record.captions", m.ID, f.Rung)
		}
		paths[string(tag)] = f.Path()
		v.Tracks = append(v.Tracks, track{HTML: tag.HTML(), Name: tag.Name(), Path: f.Path(), Size: f.Size, Own: tag == lang && f.Size <= maxTrack})
	}
	if len(paths) == 0 {
		return nil
	}
	_, in := lang.Text(paths)
	path, spell := paths[string(in)], func(s string) string { return s }
	if path == "" { // made letter by letter from the other script
		path, spell = paths[string(in.Source())], locale.Cyrillic
	}
	cues, ok := k.cues[path]
	if !ok {
		var err error
		if cues, err = r.readCues(path); err != nil {
			return err
		}
		k.cues[path] = cues
	}
	v.Said = &said{}
	if in != lang {
		v.Said.In = in.HTML()
	}
	cost := 0
	for _, c := range cues {
		line := saidLine{int(c.From / 1000), spell(c.Text)}
		if cost += 14 + weighText(line.Text); cost > maxSaid {
			v.Said.Lines = nil
			return nil
		}
		v.Said.Lines = append(v.Said.Lines, line)
	}
	return nil
}

// readCues reads subtitles of the edition, which must be in their canonical form.
func (r *render) readCues(path string) ([]caption.Cue, error) {
	b, err := r.w.read(path)
	if err != nil {
		return nil, err
	}
	cues, err := caption.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return cues, nil
}
