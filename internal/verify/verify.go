// Package verify is arithmetic: it says whether the bytes of an edition, of a
// record or of a file are those that the collective signed and logged, and
// whether a copy has gone back in time or tells two histories. Whether what a
// record says is true is not its business.
//
// It needs no database and no network of its own: it reads through a Source. It
// is for readers; cmd/kua and whatever takes in editions may use it. What it
// checks, and in which order, is spec/edition.md.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"time"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// Result sums a report up. The worst finding decides.
type Result string

// The results, from best to worst.
const (
	OK      Result = "ok"
	Old     Result = "old"     // a genuine copy that has gone back in time, or lags behind its own log
	Corrupt Result = "corrupt" // something is not what was signed and logged
	Fork    Result = "fork"    // two signed histories that contradict each other
)

// ExitCode is the exit code of kua verify: 0 ok, 1 corrupt, 2 old, 3 fork.
func (r Result) ExitCode() int {
	switch r {
	case OK:
		return 0
	case Old:
		return 2
	case Fork:
		return 3
	}
	return 1
}

func (r Result) worse(s Result) Result {
	order := []Result{OK, Old, Corrupt, Fork}
	return order[max(slices.Index(order, r), slices.Index(order, s))]
}

// Finding is one thing that is wrong. Key and Args make its sentence from the
// catalogue; Detail is for those who look closer and is not translated.
type Finding struct {
	Kind   Result   `json:"kind"`
	Path   string   `json:"path,omitempty"` // the file at fault
	Key    string   `json:"key"`
	Args   []string `json:"args,omitempty"`
	Detail string   `json:"detail,omitempty"`
}

// Report is what a verification found. It is meant to be printed, and as JSON.
type Report struct {
	Result       Result            `json:"result"`
	Subject      string            `json:"subject"`                // what was verified
	Path         string            `json:"path,omitempty"`         // within the edition, for a record or file
	Name         map[string]string `json:"name,omitempty"`         // the collective, by its charter
	Charter      string            `json:"charter,omitempty"`      // id of the newest charter; compare it with what you got elsewhere
	FirstCharter string            `json:"firstcharter,omitempty"` // id of its first version
	Pinned       bool              `json:"pinned"`                 // the charter was checked against an id the caller gave
	FirstContact bool              `json:"firstcontact"`           // nothing was remembered of this collective: a forged one would pass
	Edition      int               `json:"edition,omitempty"`
	Made         string            `json:"made,omitempty"`
	FreshUntil   string            `json:"freshuntil,omitempty"`
	Freshness    edition.Freshness `json:"freshness,omitempty"` // a label, never a failure
	Records      int               `json:"records"`
	Log          Log               `json:"log"`
	Rotated      *Rotation         `json:"rotated,omitempty"`
	Stamps       []Stamped         `json:"stamps,omitempty"`  // time stamps that hold, when a whole edition was verified
	Files        int               `json:"files"`             // whose hashes were checked
	Bytes        int64             `json:"bytes"`             // of these files
	NotKept      int               `json:"notkept,omitempty"` // files that this copy does not keep, by its own word
	Findings     []Finding         `json:"findings"`
	Evidence     []string          `json:"evidence,omitempty"` // files that prove a fork to others
}

// Log is the state of the log that was seen: origin, size and root. Two readers
// who compare theirs find a log that tells them different things.
type Log struct {
	Origin string `json:"origin,omitempty"`
	Size   uint64 `json:"size"`
	Root   string `json:"root,omitempty"` // hex
	Key    string `json:"key,omitempty"`  // that signed it, as the charter names it
}

// Options say how to verify. The zero value works.
type Options struct {
	Pinned   string         // id of any charter version that the caller trusts
	State    string         // folder that remembers charters and logs between runs; "" remembers nothing
	Now      time.Time      // for the label of freshness; default time.Now
	HTTP     *http.Client   // for copies at an address; nil for a plain road
	Workers  int            // files read at a time; default 4
	Progress func(Progress) // called from one goroutine at a time; may be nil
	// NotKept says which files a copy does not keep. That such a file is not there is
	// then no finding; when it is there, it is checked. Nil asks the copy for its list.
	NotKept func(path string) bool
}

// Progress is how far the hashing of files is.
type Progress struct {
	Files, OfFiles int
	Bytes, OfBytes int64
}

// run is one verification.
type run struct {
	src    Source
	opts   Options
	head   *head
	log    tlog.Fetch
	parts  map[string][]edition.File // read so far, when single files are verified or the source is far
	whole  bool                      // everything is verified
	left   left
	memory memory
	seenCP tlog.Checkpoint // the log's, once it has been checked

	manifestBy uint64 // who signed the manifest, as in document

	mu     sync.Mutex // guards what follows
	report Report
	seen   Progress
}

func newRun(src Source, subject string, opts Options) *run {
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	if opts.Workers < 1 {
		opts.Workers = 4
	}
	r := &run{src: src, opts: opts, parts: make(map[string][]edition.File)}
	r.report = Report{Result: OK, Subject: subject, Findings: []Finding{}}
	r.log = func(ctx context.Context, path string) ([]byte, error) {
		return r.read(ctx, edition.LogDir+"/"+path, tlog.MaxResource)
	}
	return r
}

// find notes something wrong.
func (r *run) find(kind Result, path, key string, args ...string) {
	r.note(Finding{Kind: kind, Path: path, Key: key, Args: args})
}

// note adds a finding once.
func (r *run) note(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.report.Findings, func(g Finding) bool { return g.Path == f.Path && g.Key == f.Key }) {
		return
	}
	r.report.Findings = append(r.report.Findings, f)
	r.report.Result = r.report.Result.worse(f.Kind)
}

// problem turns an error met while reading path into a finding. What is not the
// data's fault (no network, a cancelled context) it gives back.
func (r *run) problem(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if f, ok := fault.Of(err); !ok || f.Kind != fault.KindCorrupt {
			r.find(Corrupt, path, "verify.missing", path)
			return nil
		}
	}
	f, ok := fault.Of(err)
	if !ok || f.Kind == fault.KindInternal || f.Kind == fault.KindLater {
		return err
	}
	kind := Corrupt
	switch f.Key {
	case "tlog.rollback", "edition.old_charter":
		kind = Old
	case "tlog.fork", "tlog.not_continued":
		kind = Fork
	}
	finding := Finding{Kind: kind, Path: path, Key: f.Key}
	for _, a := range f.Args {
		finding.Args = append(finding.Args, fmt.Sprint(a))
	}
	if f.Cause != nil {
		finding.Detail = f.Cause.Error()
	}
	r.note(finding)
	return nil
}

// Note adds a finding that the caller made, and lets it count for the result.
func (r *Report) Note(f Finding) {
	r.Findings = append(r.Findings, f)
	r.Result = r.Result.worse(f.Kind)
}

// done sorts the findings, so that two runs over the same bytes give the same
// report.
func (r *run) done() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.report.Findings, func(a, b Finding) int {
		switch {
		case a.Path < b.Path:
			return -1
		case a.Path > b.Path:
			return 1
		}
		return 0
	})
	return r.report
}

// Edition verifies everything a source holds: charter chain, manifest and its
// signatures, every part and file, every record and its signatures, the log and
// what must stand in it, and, with a State, that the copy has not gone back. A
// Dir is also searched for files that nobody signed. The error is for what is
// not the copy's fault, such as a network that is gone.
func Edition(ctx context.Context, src Source, opts Options) (Report, error) {
	r := newRun(src, src.String(), opts)
	r.whole = true
	if err := r.edition(ctx); err != nil {
		return r.done(), err
	}
	return r.done(), nil
}

func (r *run) edition(ctx context.Context) error {
	ok, err := r.readHead(ctx)
	if err != nil || !ok {
		return err
	}
	s, err := r.checkFiles(ctx)
	if err != nil {
		return err
	}
	s.order()
	if err := r.checkRecords(ctx, s); err != nil {
		return err
	}
	if err := r.checkLog(ctx, s); err != nil {
		return err
	}
	if err := r.checkExtra(ctx, s); err != nil {
		return err
	}
	return r.remember()
}
