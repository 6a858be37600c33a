package desk

import (
	"context"
	"os"
	"path/filepath"

	"kua/internal/caption"
	"kua/internal/media"
	"kua/internal/redact"
)

// captionsRung stands before the language in the rung of a derivative that holds
// subtitles.
const captionsRung = "captions-"

// writeCaptions writes the subtitles of a plan below the directory out, one file
// for each language in which something is said.
func writeCaptions(p redact.Plan, out string) ([]media.Rendition, error) {
	var made []media.Rendition
	for _, language := range p.Languages() {
		b, err := caption.Write(cues(p.Said(language)), p.Duration)
		if err != nil {
			return nil, err
		}
		rung := captionsRung + language
		path := filepath.Join(out, rung+".vtt")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return nil, err
		}
		made = append(made, media.Rendition{Rung: rung, Type: caption.Type, Path: path})
	}
	return made, nil
}

func cues(said []redact.Said) []caption.Cue {
	all := make([]caption.Cue, len(said))
	for i, s := range said {
		all[i] = caption.Cue{From: s.From, To: s.To, Text: s.Words}
	}
	return all
}

// ImportCaptions puts subtitles that somebody typed (WebVTT or SubRip) in the
// place of all lines of a language in an original's newest plan. It gives their
// number and the plan's new version.
func (s *Seat) ImportCaptions(ctx context.Context, original int64, language string, file []byte) (lines, version int, err error) {
	read, err := caption.Read(file)
	if err != nil {
		return 0, 0, err
	}
	said := make([]redact.Said, len(read))
	for i, c := range read {
		said[i] = redact.Said{From: c.From, To: c.To, Words: c.Text}
	}
	version, err = s.ChangePlan(ctx, original, func(p *redact.Plan) { p.SetSaid(language, said) })
	return len(said), version, err
}

// ExportCaptions gives the lines of a language in an original's newest plan, as
// they would be published.
func (d *Desk) ExportCaptions(ctx context.Context, original int64, language string) ([]byte, error) {
	p, _, err := d.Plan(ctx, original)
	if err != nil {
		return nil, err
	}
	return caption.Write(cues(p.Said(language)), p.Duration)
}

// ChangePlan saves an original's newest plan as a new version with a change.
// Whoever looked through the plan before did not see the change, so it has to be
// looked through again.
func (s *Seat) ChangePlan(ctx context.Context, original int64, change func(*redact.Plan)) (version int, err error) {
	p, version, err := s.d.Plan(ctx, original)
	if err != nil {
		return 0, err
	}
	change(&p)
	p.Reviewed = false
	_, version, err = s.SavePlan(ctx, original, p, version)
	return version, err
}
