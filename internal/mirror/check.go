package mirror

import (
	"context"
	"errors"
	"io"

	"kua/internal/edition"
	"kua/internal/verify"
)

// Verify checks everything that the mirror keeps, as a reader would who holds the
// whole edition. What it does not keep by its own list is counted and not
// missed. An Old result also comes of a copy that went back behind what this
// mirror believed before.
func (m *Mirror) Verify(ctx context.Context, opts verify.Options) (verify.Report, error) {
	src, err := verify.Dir(m.dir)
	if err != nil {
		return verify.Report{}, err
	}
	defer src.(io.Closer).Close()
	opts.NotKept = m.left.has
	r, err := verify.Edition(ctx, src, opts)
	if err != nil {
		return r, err
	}
	return r, m.holdToState(&r)
}

// holdToState compares the edition that lies here with what was believed when it
// was pulled: the checkpoint must be that one.
func (m *Mirror) holdToState(r *verify.Report) error {
	k, err := m.kept()
	if err != nil && r.Result != verify.OK {
		return nil // what is wrong here was found, and is the verdict
	}
	if k == nil || err != nil {
		return err
	}
	if here := (Log{r.Log.Origin, r.Log.Size, r.Log.Root}); here != logOf(k.cp) && r.Log.Size > 0 {
		r.Note(verify.Finding{Kind: verify.Old, Path: checkpointPath, Key: "mirror.other_state"})
	}
	return nil
}

// Status is what a mirror holds, without looking at every byte of it.
type Status struct {
	Dir       string                    `json:"dir"`
	Name      map[string]string         `json:"name,omitempty"` // the collective, by its charter
	Charter   string                    `json:"charter,omitempty"`
	Edition   int                       `json:"edition"`
	Made      string                    `json:"made,omitempty"`
	Freshness edition.Freshness         `json:"freshness,omitempty"`
	Records   int                       `json:"records"`
	Log       Log                       `json:"log"`
	Profile   Profile                   `json:"profile,omitempty"`
	Sources   []string                  `json:"sources,omitempty"`
	Pulled    string                    `json:"pulled,omitempty"`
	Text      Amount                    `json:"text"`  // that the edition has but for media
	Media     Amount                    `json:"media"` // that the edition has
	Left      map[Why]map[string]Amount `json:"left,omitempty"`
	Aside     []Aside                   `json:"aside,omitempty"`
	Evidence  []string                  `json:"evidence,omitempty"`
}

// Status tells what the mirror holds at the hour that opts names.
func (m *Mirror) Status(opts verify.Options) (Status, error) {
	s := Status{Dir: m.dir, Profile: m.state.Profile, Sources: m.state.Sources, Pulled: m.state.Pulled, Left: m.left.amounts(), Aside: m.state.Aside}
	k, err := m.kept()
	var err2 error
	s.Evidence, err2 = m.Evidence()
	if k == nil || err != nil || err2 != nil {
		return s, errors.Join(err, err2)
	}
	s.Name, s.Charter, s.Log = k.charter.Name, charterID(k.chain), logOf(k.cp)
	s.Edition, s.Made, s.Freshness, s.Records = k.manifest.Number, k.manifest.Made, k.manifest.Age(opts.Now), k.manifest.Records
	read := edition.FilesIn(m.tree.root.FS())
	for _, p := range k.manifest.Parts {
		files, err := read(p)
		if err != nil {
			return s, err
		}
		for _, f := range files {
			if len(f.Path) > 6 && f.Path[:6] == "blobs/" {
				s.Media.add(f.Size)
			} else {
				s.Text.add(f.Size)
			}
		}
	}
	return s, nil
}
