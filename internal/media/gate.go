package media

import (
	"context"
	"encoding/json"
	"strings"

	"kua/internal/fault"
	"kua/internal/gate"
)

// Gate judges in the box whether a file may be published: by the allow-list of
// its media type, and by the needles of the original. What it found is in the
// report; the error says that it could not be judged at all, which is no yes.
func (m *Runner) Gate(ctx context.Context, in Input, mediaType string, needles gate.Needles) (gate.Report, error) {
	if !gate.Known(mediaType) {
		return gate.Report{}, fault.Invalid("gate.no_reader", mediaType)
	}
	answer, err := m.enter(ctx, visit{
		args: []string{BoxCommand},
		job:  job{Do: "gate", MediaType: mediaType, Needles: needles},
		in:   in, wall: wallBase,
	})
	if err != nil {
		return gate.Report{}, err
	}
	var r gate.Report
	if err := json.Unmarshal(answer, &r); err != nil || !r.Done || r.Type != mediaType || r.Size != in.Size() || r.Needles != needles.Count() {
		return gate.Report{}, fault.New(fault.KindInternal, "media.box_died")
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if !strings.HasPrefix(f.What, "gate.") || strings.Trim(f.What, "abcdefghijklmnopqrstuvwxyz._") != "" {
			return gate.Report{}, fault.New(fault.KindInternal, "media.box_died")
		}
		f.Where, f.Detail = shown(f.Where), shown(f.Detail)
	}
	for i := range r.Parts {
		r.Parts[i].Where = shown(r.Parts[i].Where)
	}
	return r, nil
}

// shown keeps what a terminal and a page may show of a word out of the box.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' && r < 0xa0 || r == 0xfffd {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 400)]
}
