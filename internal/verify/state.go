package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
)

// memory is what earlier runs left in the state folder: which collective was met
// at this place, and how far the log with this origin had come. Both say who was
// read, so the folder belongs to the reader alone.
type memory struct {
	place place
	log   logMemory
}

type place struct {
	Charters []string `json:"charters"` // ids, the first version first
}

type logMemory struct {
	Chain      charter.Chain `json:"chain"`
	Checkpoint string        `json:"checkpoint"`
	Edition    int           `json:"edition,omitempty"`
	Manifest   string        `json:"manifest,omitempty"` // its SHA-256
}

func (m logMemory) ids() []string {
	var ids []string
	for _, s := range m.Chain {
		ids = append(ids, canon.Hash([]byte(s.Document)))
	}
	return ids
}

// compareCharter holds the chain against what is remembered.
func (r *run) compareCharter() error {
	r.report.FirstContact = true
	if r.opts.State == "" {
		return nil
	}
	err := errors.Join(recall(r.placeFile(), &r.memory.place), recall(r.logFile(), &r.memory.log))
	if err != nil {
		return err
	}
	for _, known := range [][]string{r.memory.place.Charters, r.memory.log.ids()} {
		r.compareIDs(known)
	}
	return nil
}

func (r *run) compareIDs(known []string) {
	if len(known) == 0 {
		return
	}
	r.report.FirstContact = false
	ids := logMemory{Chain: r.head.chain}.ids()
	same := 0
	for same < len(known) && same < len(ids) && known[same] == ids[same] {
		same++
	}
	path := fmt.Sprintf("charter/%d.json", same+1)
	switch {
	case same == 0:
		r.find(Corrupt, "charter/1.json", "verify.charter_swapped", known[0], ids[0])
		r.memory.log.Checkpoint = "" // another collective's log is no fork of this one's
	case same == len(known):
	case same == len(ids):
		r.find(Old, path, "verify.charter_behind", fmt.Sprint(len(ids)), fmt.Sprint(len(known)))
	default:
		r.find(Fork, path, "verify.charter_forked", known[same], ids[same])
	}
}

// keepEvidence writes signed notes, named by their bytes.
func (r *run) keepEvidence(notes ...[]byte) error {
	dir := filepath.Join(r.opts.State, "evidence")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, raw := range notes {
		name := filepath.Join(dir, "checkpoint-"+canon.Hash(raw)[:16]+".note")
		if err := durable.WriteFile(name, raw, 0o600); err != nil {
			return err
		}
		r.report.Evidence = append(r.report.Evidence, name)
	}
	return nil
}

// remember keeps what was seen, when all of it held.
func (r *run) remember() error {
	if r.opts.State == "" || r.report.Result != OK {
		return nil
	}
	if err := os.MkdirAll(r.opts.State, 0o700); err != nil {
		return err
	}
	m := logMemory{Chain: r.head.chain, Checkpoint: string(r.seenCP.Raw), Edition: r.head.manifest.Number, Manifest: canon.Hash(r.head.document)}
	return errors.Join(keep(r.placeFile(), place{m.ids()}), keep(r.logFile(), m))
}

func (r *run) placeFile() string { return r.stateFile("place", r.report.Subject) }

func (r *run) logFile() string { return r.stateFile("log", r.head.charter.Log.Origin) }

func (r *run) stateFile(what, of string) string {
	sum := sha256.Sum256([]byte(what + "\n" + of))
	return filepath.Join(r.opts.State, what+"-"+hex.EncodeToString(sum[:16])+".json")
}

func recall(file string, v any) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fault.Corrupt("verify.broken_state", file).Because(err)
	}
	return nil
}

func keep(file string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return durable.WriteFile(file, b, 0o600)
}

// listed reports whether the edition holds path.
func (r *run) listed(path string) bool {
	_, err := r.head.manifest.Find(path, r.cached)
	return err == nil
}

// cached gives a part that has been read already.
func (r *run) cached(p edition.Part) ([]edition.File, error) {
	files, ok := r.parts[p.Name]
	if !ok {
		return nil, fault.NotFound("edition.not_listed", p.Name)
	}
	return files, nil
}
