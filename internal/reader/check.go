package reader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/tlog"
	"kua/internal/verify"
)

// Options say how to check. The zero value works.
type Options struct {
	Pinned string    // id of any charter version that the caller trusts
	Now    time.Time // for the label of age; default time.Now
}

// Check verifies what a file holds, in the order of spec/reader.md: the charter's
// chain, the checkpoint, the edition's entry, each record's signatures and entry,
// every medium. What is wrong is in the report's findings; the error is for what
// is not the file's fault. It says nothing about the page around the proof
// (File does), and nothing about what was published later.
func (b *Bundle) Check(ctx context.Context, opts Options) (verify.Report, error) {
	c := checker{report: verify.Report{Result: verify.OK, Findings: []verify.Finding{}, Pinned: opts.Pinned != "", FirstContact: true}}
	if err := c.head(b.Proof, opts); err != nil {
		c.problem(charter.Dir, err)
		return c.report, nil
	}
	wanted := make(map[string]record.File)
	for _, s := range b.Proof.Records {
		rec, err := c.record(s)
		if err != nil {
			c.problem(pathOf(s, rec), err)
			continue
		}
		c.report.Records++
		for _, f := range rec.AllFiles() {
			wanted[f.SHA256] = f
		}
	}
	if len(b.Proof.Records) == 0 || len(b.Proof.Records) > MaxRecords {
		c.problem("", fault.Invalid("reader.how_many", MaxRecords))
	}
	if c.report.Result != verify.OK {
		return c.report, nil // which media belong here nobody can say
	}
	for _, sum := range slices.Sorted(maps.Keys(b.Inside)) {
		f, ok := wanted[sum]
		if !ok || f.Type != b.Inside[sum].Type {
			c.problem(sum, fault.Corrupt("reader.strange_medium", sum))
			continue
		}
		if err := c.medium(ctx, b, f); err != nil {
			return c.report, err
		}
	}
	for sum := range wanted {
		if _, ok := b.Inside[sum]; !ok {
			c.report.NotKept++
		}
	}
	return c.report, nil
}

type checker struct {
	report   verify.Report
	versions []charter.Charter
	cp       tlog.Checkpoint
}

func pathOf(s Signed, rec record.Record) string {
	if rec.ID == "" {
		return "records/" + hashOf(s.Document)[:16]
	}
	return rec.Path()
}

func (c *checker) problem(path string, err error) {
	f := verify.Finding{Kind: verify.Corrupt, Path: path, Key: "page.internal", Detail: err.Error()}
	if is, ok := fault.Of(err); ok {
		f.Key, f.Detail = is.Key, ""
		for _, a := range is.Args {
			f.Args = append(f.Args, fmt.Sprint(a))
		}
		if is.Cause != nil {
			f.Detail = is.Cause.Error()
		}
	}
	c.report.Note(f)
}

// head checks charter, checkpoint and the edition's entry.
func (c *checker) head(p Proof, opts Options) error {
	if p.Kind != Kind {
		return fault.Invalid("reader.not_one")
	}
	newest, err := p.Charter.Verify(opts.Pinned)
	if err != nil {
		return err
	}
	for _, s := range p.Charter {
		v, err := charter.Parse([]byte(s.Document))
		if err != nil {
			return err
		}
		c.versions = append(c.versions, v)
	}
	c.report.Name = newest.Name
	c.report.FirstCharter, c.report.Charter = hashOf(p.Charter[0].Document), hashOf(p.Charter[len(p.Charter)-1].Document)
	if newest.Log.Key == "" {
		return fault.Invalid("verify.no_log")
	}
	if c.cp, err = edition.LogKeys(newest).ParseOwn([]byte(p.Checkpoint)); err != nil {
		return err
	}
	c.report.Log = verify.Log{Origin: c.cp.Origin, Size: c.cp.Size, Root: hex.EncodeToString(c.cp.Root[:]), Key: newest.Log.Key}
	e, err := tlog.ParseEntry([]byte(p.Edition.Entry))
	if err != nil {
		return err
	}
	if e.Kind != tlog.KindEdition || p.Edition.Index != c.cp.Size-1 {
		return fault.Corrupt("reader.no_edition_entry")
	}
	if err := c.included(p.Edition, []byte(p.Edition.Entry)); err != nil {
		return err
	}
	c.report.Edition, c.report.Made = e.Number, e.Day
	c.report.Freshness = age(e.Day, opts.Now)
	return nil
}

// age labels a file by its edition's day, as edition.Manifest.Age does by hours.
func age(day string, now time.Time) edition.Freshness {
	if now.IsZero() {
		now = time.Now()
	}
	made, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return edition.OldCopy
	}
	m := edition.Manifest{Made: edition.Stamp(made), FreshUntil: edition.Stamp(made.Add(24*time.Hour + edition.FreshFor))}
	return m.Age(now)
}

func (c *checker) included(l Logged, leaf []byte) error {
	path := make([][tlog.HashSize]byte, len(l.Hashes))
	for i, h := range l.Hashes {
		if len(h) != tlog.HashSize {
			return fault.Corrupt("tlog.not_included", l.Index)
		}
		path[i] = [tlog.HashSize]byte(h)
	}
	return tlog.CheckInclusion(c.cp, l.Index, leaf, path)
}

// record checks one record: its shape, the signatures of the threshold of some
// version of the chain, its entry.
func (c *checker) record(s Signed) (record.Record, error) {
	rec, err := record.Parse([]byte(s.Document))
	if err != nil {
		return rec, err
	}
	if rec.Status != record.Published {
		return rec, fault.Invalid("reader.withdrawn", rec.ID)
	}
	return rec, c.vouched(rec, s)
}

// vouched checks the signatures of a version and its entry in the log.
func (c *checker) vouched(rec record.Record, s Signed) error {
	signed := slices.ContainsFunc(c.versions, func(v charter.Charter) bool { return v.Verify([]byte(s.Document), s.Signatures) == nil })
	if !signed {
		return fault.Forbidden("verify.not_signed", rec.Path(), len(s.Signatures))
	}
	leaf, err := edition.RecordEntry(rec, []byte(s.Document)).Bytes()
	if err != nil {
		return err
	}
	return c.included(s.Logged, leaf)
}

func (c *checker) medium(ctx context.Context, b *Bundle, f record.File) error {
	in, err := b.open(ctx, f)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Path(), err)
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(in, f.Size+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Path(), err)
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		c.problem(f.Path(), fault.Corrupt("verify.differs", f.Path()))
	}
	c.report.Files++
	c.report.Bytes += n
	return nil
}
