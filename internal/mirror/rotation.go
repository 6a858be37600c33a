package mirror

import (
	"io/fs"
	"path"
	"slices"
	"strconv"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// learn finds out by which keys checkpoints are believed. A source whose note none of
// the known keys has signed may have a newer charter, which the people of the known
// one signed.
func (p *pull) learn(c charter.Charter, notes map[*member][]byte) error {
	keys := edition.LogKeys(c)
	chains := map[*member]charter.Chain{}
	for m, raw := range notes {
		if _, err := keys.Parse(raw); err == nil || tlog.Struck(err) {
			continue
		}
		ch, err := p.known.Extend(func(path string, limit int64) ([]byte, error) { return p.patiently(p.ctx, m, path, limit) })
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		if _, said := fault.Of(err); err != nil && !said { // the link: nobody knows what its note is worth
			p.fleet.setAsideFor(m, charter.Dir, err)
			delete(notes, m)
		} else if err == nil && len(ch) > len(p.known) { // else its note says what is wrong with it
			chains[m] = ch
		}
	}
	longer, err := longest(chains)
	if err != nil {
		return err
	}
	if longer != nil {
		p.known = longer
		if c, err = longer.Verify(p.opts.Pinned); err != nil {
			return err
		}
	}
	p.keys = edition.LogKeys(c)
	return nil
}

// refuse sets a source aside whose note does not count. One that a struck key signed
// is kept: it proves that somebody has that key.
func (p *pull) refuse(m *member, cp tlog.Checkpoint, why error) error {
	if tlog.Struck(why) {
		by := &candidate{cp: cp, members: []*member{m}}
		if err := p.keepNotes(evidenceStruck, by, tlog.Checkpoint{}, cp, nil); err != nil {
			return err
		}
	}
	p.fleet.setAsideFor(m, checkpointPath, why)
	return nil
}

// worth gives the candidates that may be adopted. Those of the present key come first:
// one of them can show that what is kept counts no more.
func (p *pull) worth(all []*candidate, k *kept) ([]*candidate, error) {
	var worth []*candidate
	for _, past := range []bool{false, true} {
		for _, c := range all {
			if p.keys.ByPast(c.cp) != past {
				continue
			}
			ok, err := p.holdAgainst(c, k)
			if err != nil {
				return nil, err
			}
			if ok {
				worth = append(worth, c)
			}
		}
	}
	return worth, nil
}

// accuse holds candidates that could not be adopted against the log of the head that was.
// Where the two contradict each other, both notes are kept: the log's key has signed both,
// and somebody has it who should not. A source that does not give the proof hinders nothing.
func (p *pull) accuse(refused []*candidate, h *head) error {
	for _, c := range refused {
		old, new, fetches := c.cp, h.cp, []tlog.Fetch{p.overlaid(p.next)}
		if old.Size > new.Size {
			old, new, fetches = new, old, nil
			for _, m := range c.members {
				fetches = append(fetches, fetchOf(m.src))
			}
		}
		for _, fetch := range fetches {
			d, err := tlog.NewDispute(p.ctx, fetch, old, new)
			if p.ctx.Err() != nil {
				return p.ctx.Err()
			}
			if err != nil {
				continue
			}
			if err := p.keepDispute(evidenceFork, c, d); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// rotated reports whether what the mirror keeps was signed with an earlier key than the
// log has now.
func (p *pull) rotated(k *kept) bool { return p.keys.ByPast(k.cp) }

// succeeds compares what is kept under an earlier key with a candidate of the present
// one. When they contradict each other, what people have signed decides: the log is
// taken anew, and the note that was kept is evidence.
func (p *pull) succeeds(c *candidate, k *kept) (ok bool, err error) {
	for _, m := range slices.Clone(c.members) {
		fetch := fetchOf(m.src)
		err := tlog.Consistent(p.ctx, fetch, k.cp, c.cp)
		ft, isFault := fault.Of(err)
		switch {
		case err == nil:
			return c.cp.Size > k.cp.Size, nil
		case p.ctx.Err() != nil:
			return false, p.ctx.Err()
		case isFault && (ft.Key == "tlog.fork" || ft.Key == "tlog.rollback"):
			p.anew = true
			if _, err := p.keys.Parse(k.cp.Raw); tlog.Struck(err) {
				return true, p.keepNotes(evidenceStruck, nil, tlog.Checkpoint{}, k.cp, nil)
			}
			return true, p.keepNotes(evidenceFork, nil, k.cp, c.cp, fetch)
		}
		p.fleet.setAsideFor(m, checkpointPath, err)
		c.members = slices.DeleteFunc(c.members, func(o *member) bool { return o == m })
	}
	return false, nil
}

// goesOn checks that the log's last entry, an edition's, is one that the mirror has
// not: nobody but a thief of the key has a reason to lengthen the log under the same
// edition. A log that is taken anew must still have the edition that was kept, since
// people signed it.
func (p *pull) goesOn(last tlog.Entry, k *kept) error {
	if k == nil {
		return nil
	}
	number := strconv.Itoa(k.manifest.Number)
	held := tlog.Entry{Number: k.manifest.Number, SHA256: canon.Hash(k.document)}
	has := slices.ContainsFunc(p.editions, func(e tlog.Entry) bool { return e.Number == held.Number && e.SHA256 == held.SHA256 })
	switch {
	case p.anew && !has:
		return fault.Corrupt("mirror.rotation_loses", number)
	case p.anew && last.Number >= held.Number, last.Number > held.Number:
		return nil
	}
	return fault.Corrupt("mirror.log_goes_on", number)
}

// strayLog lists the files of the log that the new one has not: of what a thief made
// nothing may lie beside it.
func (p *pull) strayLog(cp tlog.Checkpoint) (stray []string, err error) {
	wanted := make(map[string]bool)
	for _, name := range tlog.NewPaths(0, cp.Size) {
		wanted[path.Join(edition.LogDir, name)] = true
	}
	err = fs.WalkDir(p.m.tree.root.FS(), edition.LogDir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !wanted[name] && edition.CheckPath(name) == nil {
			stray = append(stray, name)
		}
		return err
	})
	if isMissing(err) {
		err = nil
	}
	return stray, err
}
