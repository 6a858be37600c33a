package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// What evidence shows.
const (
	evidenceFork     = "fork"     // the log has told two histories
	evidenceRollback = "rollback" // a source served a log that is older than one it was known to have
	evidenceStruck   = "struck"   // somebody signed with a key of the log's that was struck off
)

// Evidence is two signed notes, or one, and what they prove. A fork proves itself, and
// so does a note of a struck key, which is New: whoever has the collective's charter
// checks it, without any source. A rollback shows
// that an older note was served; that it was served on this day by this source is
// this mirror's word alone.
type Evidence struct {
	Kind    string        `json:"kind"`
	What    string        `json:"what"`
	Sources []string      `json:"sources,omitempty"` // that gave the note that was refused
	Day     string        `json:"day"`
	Chain   charter.Chain `json:"chain"` // names the log's key
	tlog.Dispute
}

const evidenceKind = "kua mirror evidence"

// keepNotes writes evidence down. Its name is that of its notes, so that the same
// is kept once.
func (p *pull) keepNotes(what string, c *candidate, old, new tlog.Checkpoint, fetch tlog.Fetch) error {
	d := tlog.Dispute{Old: string(old.Raw), New: string(new.Raw)}
	if what == evidenceFork {
		var err error
		if d, err = tlog.NewDispute(p.ctx, fetch, old, new); err != nil {
			return err
		}
	}
	return p.keepDispute(what, c, d)
}

// keepDispute does so with what has been proved.
func (p *pull) keepDispute(what string, c *candidate, d tlog.Dispute) error {
	e := Evidence{Kind: evidenceKind, What: what, Day: hour(p.opts.Now)[:10], Chain: p.known, Dispute: d}
	if c != nil {
		for _, m := range c.members {
			e.Sources = append(e.Sources, m.src.String())
		}
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Join(p.m.dir, House, evidenceDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%s-%.16s.json", what, canon.Hash([]byte(e.Old+e.New))))
	if !slices.Contains(p.result.Evidence, name) {
		p.result.Evidence = append(p.result.Evidence, name)
	}
	if _, err := os.Lstat(name); err == nil {
		return nil
	}
	for note, text := range map[string]string{"old": e.Old, "new": e.New} { // for signed-note tools
		if text == "" {
			continue
		}
		file := filepath.Join(dir, fmt.Sprintf("%s-%.16s.%s.note", what, canon.Hash([]byte(e.Old+e.New)), note))
		if err := durable.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return durable.WriteFile(name, b, 0o600)
}

// maxEvidence bounds a file of evidence: two notes, a charter's chain, a proof.
const maxEvidence = 32 << 20

// Judged is a file of evidence as it was checked.
type Judged struct {
	File    string   `json:"file"`
	What    string   `json:"what"`
	Proves  bool     `json:"proves"` // by itself, to anybody who holds this charter for genuine
	Charter string   `json:"charter"`
	Sources []string `json:"sources,omitempty"`
	Day     string   `json:"day"`
	Old     Log      `json:"old"`
	New     Log      `json:"new"`
	OldKey  string   `json:"oldkey,omitempty"` // that signed the note, as the charter names it
	NewKey  string   `json:"newkey,omitempty"`
}

// Judge reads and checks a file of evidence. pinned is the id of a charter
// version that the reader trusts, or "". What does not prove what it says is the
// fault mirror.no_evidence. A fork of which a struck key signed one note beyond what is
// confirmed comes out as "struck": it says nothing against the log.
func Judge(file, pinned string) (Judged, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Judged{}, fault.NotFound("verify.no_target", file).Because(err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxEvidence {
		return Judged{}, fault.Corrupt("mirror.no_evidence", file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return Judged{}, err
	}
	j, err := judgeBytes(b, pinned)
	if j.File = file; err != nil {
		return j, fault.Corrupt("mirror.no_evidence", file).Because(err)
	}
	return j, nil
}

func judgeBytes(b []byte, pinned string) (Judged, error) {
	var e Evidence
	if err := json.Unmarshal(b, &e); err != nil {
		return Judged{}, err
	}
	j := Judged{What: e.What, Charter: charterID(e.Chain), Sources: e.Sources, Day: e.Day}
	if e.Kind != evidenceKind {
		return j, errors.New("not a file of evidence")
	}
	c, err := e.Chain.Verify(pinned)
	if err != nil {
		return j, err
	}
	keys := edition.LogKeys(c)
	var old, new tlog.Checkpoint
	switch e.What {
	case evidenceFork:
		old, new, err = e.Dispute.Check(keys)
		j.Proves = err == nil
		for _, note := range []string{e.Old, e.New} {
			if _, why := keys.Parse([]byte(note)); err == nil && tlog.Struck(why) {
				j.What = evidenceStruck // whoever has the struck key made the contradiction
			}
		}
	case evidenceRollback:
		if old, _, err = keys.Named([]byte(e.Old)); err == nil {
			new, _, err = keys.Named([]byte(e.New))
		}
		if err == nil && old.Size >= new.Size {
			err = errors.New("the older note is not the smaller one")
		}
	case evidenceStruck:
		if new, err = keys.Parse([]byte(e.New)); tlog.Struck(err) {
			j.Proves, err = true, nil
		} else if err == nil {
			err = errors.New("the note counts")
		}
	default:
		err = errors.New("not a kind of evidence")
	}
	j.Old, j.New = logOf(old), logOf(new)
	j.OldKey, j.NewKey = keys.By([]byte(e.Old)), keys.By([]byte(e.New))
	return j, err
}

// Evidence gives the files of evidence that the mirror keeps.
func (m *Mirror) Evidence() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(m.dir, House, evidenceDir, "*.json"))
	slices.Sort(files)
	return files, err
}
