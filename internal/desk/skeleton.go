package desk

import (
	"context"
	"errors"
	"io"
	"time"

	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/evidence"
	"kua/internal/keyring"
)

var errNotYet = errors.New("not there yet")

// Desk is an open desk. It is safe for use by several goroutines.
type Desk struct{}

// Create makes a desk in cfg.Dir, which must be empty or hold only charter/ and
// people/. The database key is sealed to the charter's current people.
func Create(ctx context.Context, cfg Config, f Founding) error { return errNotYet }

// Open unlocks the desk with one person's keys, takes its lock, finishes what a
// kill interrupted and starts the workers. Only one process may hold a desk.
func Open(ctx context.Context, cfg Config, person *keyring.Person) (*Desk, error) {
	return nil, errNotYet
}

// Close stops the workers, wipes the scratch directory and locks the desk.
func (d *Desk) Close() error { return errNotYet }

// People gives the names of the key files that lie in a desk's directory.
func People(dir string) ([]string, error) { return nil, errNotYet }

// Unlock opens the key file of one person in a desk's directory.
func Unlock(dir, name, passphrase string) (*keyring.Person, error) { return nil, errNotYet }

// AddKeyFile writes a locked key file (keyring.Person.Lock) as people/<name>.age.
// It never overwrites one.
func AddKeyFile(dir, name string, file []byte) error { return errNotYet }

// ReadCharter gives the newest charter of a desk that may still be locked.
func ReadCharter(dir string) (charter.Charter, charter.Chain, error) {
	return charter.Charter{}, nil, errNotYet
}

// Charter gives the newest charter.
func (d *Desk) Charter() charter.Charter { return charter.Charter{} }

// Chain gives every version of the charter.
func (d *Desk) Chain() charter.Chain { return nil }

// UpdateCharter takes in a longer chain that continues the present one. It is
// idempotent. Rewrap must follow when the people changed; until it has run
// Counts and Overview say so.
func (d *Desk) UpdateCharter(ctx context.Context, by *keyring.Person, chain charter.Chain) error {
	return errNotYet
}

// Rewrap wraps the database key and every parcel's header for the current
// people. It may be interrupted and called again.
func (d *Desk) Rewrap(ctx context.Context, by *keyring.Person, progress func(done, total int)) error {
	return errNotYet
}

// Sit gives a person a seat. Only the charter's current people have one.
func (d *Desk) Sit(person *keyring.Person) (*Seat, error) { return nil, errNotYet }

// Counts counts what waits for somebody.
func (d *Desk) Counts(ctx context.Context) (Counts, error) { return Counts{}, errNotYet }

// Progress tells how a collection goes on.
type Progress struct {
	Node     string
	Parcel   string // "" while the node's list is fetched
	Done     int64  // bytes of all new parcels that are here
	Total    int64
	Left     time.Duration // an estimate, 0 when there is none yet
	Report   bool          // the report of Parcel has just become readable
	Finished bool          // Parcel is whole, or refused
}

// Collected is what a collection brought.
type Collected struct {
	New      int // parcels not seen before
	Whole    int // became whole and valid
	Refused  int // became whole and cannot be opened
	Arriving int // still miss pieces
	Bytes    int64
	Nodes    []NodeCall
}

// NodeCall is how the call to one node went.
type NodeCall struct {
	URL     string
	Parcels int
	Err     error // nil when it answered
}

// Collect fetches what is new from every node. The first pieces of every new
// parcel come first, so that all reports can be read before the first film is
// here. Nodes that do not answer are named in the result and hold nothing up.
// It may be interrupted and called again; nothing is fetched twice.
func (d *Desk) Collect(ctx context.Context, progress func(Progress)) (Collected, error) {
	return Collected{}, errNotYet
}

// NodeState is what the desk knows of one node.
type NodeState struct {
	URL       string
	Collected time.Time // last successful collection, zero when never
	Edition   int       // number of the edition it is known to hold, 0 for none
	Behind    bool      // it does not hold the newest edition
	Fault     error     // last failure since the last success, nil when there was none
	FaultAt   time.Time
}

// Nodes gives the state of every node of the charter.
func (d *Desk) Nodes(ctx context.Context) ([]NodeState, error) { return nil, errNotYet }

// InboxPage is one page of the reports that are in no case yet, newest first.
type InboxPage struct {
	Reports []casefile.Received
	Total   int
	Page    int // from 0
	Pages   int
}

// Inbox gives a page of the reports that are in no case yet.
func (d *Desk) Inbox(ctx context.Context, page int) (InboxPage, error) { return InboxPage{}, errNotYet }

// Report gives one received report. Reading it through a seat marks it read.
func (s *Seat) Report(ctx context.Context, parcel string) (casefile.Received, error) {
	return casefile.Received{}, errNotYet
}

// MarkUnread puts a report back among the unread.
func (s *Seat) MarkUnread(ctx context.Context, parcel string) error { return errNotYet }

// OpenCase makes a case of one or more reports and gives its id.
func (s *Seat) OpenCase(ctx context.Context, parcels ...string) (int64, error) { return 0, errNotYet }

// JoinCase puts a further report into a case.
func (s *Seat) JoinCase(ctx context.Context, id int64, parcel string) error { return errNotYet }

// CasePage is one page of cases, the last changed first.
type CasePage struct {
	Cases []casefile.Case
	Total int
	Page  int
	Pages int
}

// CaseFilter chooses cases; its zero value chooses all.
type CaseFilter struct {
	States   []casefile.State
	Assigned string
	Words    string // each of them must stand somewhere in the case
}

// Cases gives a page of cases.
func (d *Desk) Cases(ctx context.Context, f CaseFilter, page int) (CasePage, error) {
	return CasePage{}, errNotYet
}

// CaseView is everything about one case.
type CaseView struct {
	casefile.Case
	Reports  []casefile.Received
	Notes    []casefile.Note
	Findings []casefile.Finding
	Replies  []casefile.Reply
	Warnings []casefile.Warning // for the newest draft
}

// Case gives a case with its reports, notes, findings and replies.
func (d *Desk) Case(ctx context.Context, id int64) (CaseView, error) { return CaseView{}, errNotYet }

// SetTitle changes a case's private working title.
func (s *Seat) SetTitle(ctx context.Context, id int64, title string) error { return errNotYet }

// Assign gives a case to one of the current people, or with "" to nobody.
func (s *Seat) Assign(ctx context.Context, id int64, name string) error { return errNotYet }

// CloseCase puts a case away, with a reason. A case with unread reports cannot be closed.
func (s *Seat) CloseCase(ctx context.Context, id int64, reason string) error { return errNotYet }

// ReopenCase takes a closed case out again.
func (s *Seat) ReopenCase(ctx context.Context, id int64) error { return errNotYet }

// AddNote writes a note that is never changed.
func (s *Seat) AddNote(ctx context.Context, id int64, text string) error { return errNotYet }

// AddFinding writes a graded judgement that is never changed. ID, By and At are set here.
func (s *Seat) AddFinding(ctx context.Context, f casefile.Finding) error { return errNotYet }

// Custody gives the custody events of a case, the oldest first; of everything for id 0.
func (d *Desk) Custody(ctx context.Context, id int64) ([]evidence.Event, error) {
	return nil, errNotYet
}

// Reply seals a text to the witness of one report of a case, keeps it in the
// outbox and tries every node at once. It succeeds when it is kept: whether a
// node holds it is in the case's replies and in Counts.Unsent. Longer texts
// than seal.MaxReplyText are refused.
func (s *Seat) Reply(ctx context.Context, id int64, parcel, text string) (casefile.Reply, error) {
	return casefile.Reply{}, errNotYet
}

// SendReplies tries again to bring every unsent reply to every node.
func (d *Desk) SendReplies(ctx context.Context) (sent, left int, err error) { return 0, 0, errNotYet }

// Opened is an original or a derivative being read: decrypted as it is read,
// never on a disk in the clear. It may be read by several goroutines with
// ReadAt. Close it.
type Opened struct {
	*io.SectionReader
	Name  string
	Type  string
	close func() error
}

// Close ends the reading.
func (o *Opened) Close() error { return o.close() }

// OriginalInfo gives an original's particulars without opening it.
func (d *Desk) OriginalInfo(ctx context.Context, id int64) (evidence.Original, error) {
	return evidence.Original{}, errNotYet
}

// Original opens an original. The custody event is written before the first
// byte is given out; another within a quarter of an hour by the same person is
// the same event, so that a player that asks for ranges leaves one line.
func (s *Seat) Original(ctx context.Context, id int64) (*Opened, error) { return nil, errNotYet }

// Render starts a job that makes the derivatives of an original with its newest plan.
func (s *Seat) Render(ctx context.Context, original int64) (job int64, err error) {
	return 0, errNotYet
}

// Derivatives gives what was last rendered of an original, and whether its plan
// has changed since.
func (d *Desk) Derivatives(ctx context.Context, original int64) (made []evidence.Derivative, stale bool, err error) {
	return nil, false, errNotYet
}

// Derivative opens a derivative; a custody event is written as for an original.
func (s *Seat) Derivative(ctx context.Context, id int64) (*Opened, error) { return nil, errNotYet }

// Job is something that runs in the background.
type Job struct {
	ID       int64
	Kind     string // render, probe, publish
	Subject  string // "original 3"
	Original int64  // 0 when it is about none
	State    string // waiting, running, done, failed, cancelled
	Done     int64  // of Total; for a film milliseconds
	Total    int64
	Fault    error // why it failed
	By       string
	At       time.Time
}

// Jobs gives the jobs that wait, run or failed, and those done lately, newest first.
func (d *Desk) Jobs(ctx context.Context) ([]Job, error) { return nil, errNotYet }

// Job gives one job.
func (d *Desk) Job(ctx context.Context, id int64) (Job, error) { return Job{}, errNotYet }

// CancelJob stops a job that waits or runs.
func (s *Seat) CancelJob(ctx context.Context, id int64) error { return errNotYet }

// DismissJob takes a failed job off the list.
func (s *Seat) DismissJob(ctx context.Context, id int64) error { return errNotYet }

// WaitJob waits until a job is done, failed or cancelled, or ctx ends.
func (d *Desk) WaitJob(ctx context.Context, id int64, progress func(Job)) (Job, error) {
	return Job{}, errNotYet
}

// Draft gives the newest draft of a case's record and its version; version 0
// and a draft filled from the reports when none was saved yet.
func (d *Desk) Draft(ctx context.Context, id int64) (casefile.Draft, int, error) {
	return casefile.Draft{}, 0, errNotYet
}

// SaveDraft saves a draft as a new version. base is the version it was made
// from: when another was saved meanwhile the fault is desk.draft_changed and
// nothing is lost. An unfinished draft may be saved; CheckDraft says what lacks.
func (s *Seat) SaveDraft(ctx context.Context, id int64, draft casefile.Draft, base int) (version int, err error) {
	return 0, errNotYet
}

// CheckDraft says what keeps the newest draft from being proposed: nil when
// nothing does. Each is a fault.
func (d *Desk) CheckDraft(ctx context.Context, id int64) ([]error, error) { return nil, errNotYet }

// ProposalState is where a proposal stands.
type ProposalState string

// The states of a proposal.
const (
	Waiting  ProposalState = "waiting"   // lacks signatures
	Approved ProposalState = "approved"  // has them; the publishing is under way or will be resumed
	Done     ProposalState = "published" // in the log and the tree; the nodes are in Nodes
	Declined ProposalState = "declined"  // turned down by a person
	Stale    ProposalState = "stale"     // another edition or charter came first: propose again
)

// Proposal is a staged edition that waits for signatures or went out.
type Proposal struct {
	ID       int64
	State    ProposalState
	Edition  int
	Manifest string // SHA-256: what the signatures bind
	By       string
	At       time.Time
	Signed   []string // names of those who signed
	Needs    int      // signatures still missing
	Reason   string   // why it was declined
	Records  []ProposedRecord
	Changed  []ProposedFile // what differs from the edition before
}

// ProposedRecord is one record of a proposal.
type ProposedRecord struct {
	Case     int64
	ID       string
	Version  int
	Title    casefile.Text
	SHA256   string
	Withdraw bool
	Pages    map[string]string // language → path of its page for PreviewFile
}

// ProposedFile is a file that a proposal adds, changes or removes.
type ProposedFile struct {
	Path    string
	Size    int64
	Removed bool
}

// Propose builds the records of cases from their newest drafts, stages the next
// edition and signs both as this person. The cases' drafts must pass CheckDraft.
func (s *Seat) Propose(ctx context.Context, cases ...int64) (Proposal, error) {
	return Proposal{}, errNotYet
}

// ProposeWithdrawal proposes to replace a case's published record by a tombstone with a reason.
func (s *Seat) ProposeWithdrawal(ctx context.Context, id int64, reason casefile.Text) (Proposal, error) {
	return Proposal{}, errNotYet
}

// Approve adds this person's signatures to exactly what was staged: the bytes
// on the disk are checked against manifest first. Who proposed cannot approve.
// With the last signature that was missing the publishing starts as a job.
func (s *Seat) Approve(ctx context.Context, id int64) (Proposal, error) { return Proposal{}, errNotYet }

// Decline turns a proposal down, with a reason, before it has its signatures.
// The person who proposed may do it too.
func (s *Seat) Decline(ctx context.Context, id int64, reason string) error { return errNotYet }

// Proposals gives all proposals, the newest first.
func (d *Desk) Proposals(ctx context.Context) ([]Proposal, error) { return nil, errNotYet }

// Proposal gives one proposal.
func (d *Desk) Proposal(ctx context.Context, id int64) (Proposal, error) {
	return Proposal{}, errNotYet
}

// PreviewFile opens one file of the site as it will be: the staged one, or the
// present edition's where the proposal does not change it. The path is an
// edition's path, without a leading slash.
func (s *Seat) PreviewFile(ctx context.Context, proposal int64, path string) (*Opened, error) {
	return nil, errNotYet
}

// Published is what a publishing did.
type Published struct {
	Edition int         // number of the newest edition
	Nodes   []NodeState // what each node holds
}

// Publish finishes every approved proposal and brings the newest edition to
// every node. It may be killed at any moment: the next Open or Publish goes on.
// Nodes that do not answer stand in the result and are no error.
func (d *Desk) Publish(ctx context.Context, progress func(step string, done, total int64)) (Published, error) {
	return Published{}, errNotYet
}

// Tree gives the directory of the newest published edition.
func (d *Desk) Tree() string { return "" }

// Check walks the whole custody chain and gives its head, or the fault
// evidence.broken_chain.
func (d *Desk) Check(ctx context.Context) (evidence.Head, error) { return evidence.Head{}, errNotYet }
