package spread

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
)

// State is where a post stands.
type State string

// The states of a post.
const (
	Waiting   State = "waiting"   // for a person's word that the channel's check was made
	Queued    State = "queued"    // it goes when its time has come
	Gathered  State = "gathered"  // it goes with the next message that a person sends: Gatherer
	Sending   State = "sending"   // the platform is being called
	Sent      State = "sent"      // it stands at the platform
	Uncertain State = "uncertain" // a call was cut off, and it may stand there: a person must look
	Failed    State = "failed"    // it was not done and is not tried again by itself
	Withdrawn State = "withdrawn" // it stands there no more, or was never to go
	Corrected State = "corrected" // a later version took its place
)

// Open reports whether something is still to happen or to be decided.
func (s State) Open() bool {
	return s == Waiting || s == Queued || s == Gathered || s == Sending || s == Uncertain || s == Failed
}

// Act is what a post wants of the platform.
type Act string

// The acts.
const (
	Send   Act = "send"
	Edit   Act = "edit"   // put this version's words in the place of the version before
	Delete Act = "delete" // take it away
)

// Post is one version of a record at one channel. A correction is a post of its
// own that takes over the place of the one before; a withdrawal turns the post
// that stands there to Delete.
type Post struct {
	ID       int64
	Channel  int64
	Record   string
	Version  int
	Language string
	Key      string // idempotency key
	Act      Act
	State    State
	Digest   string   // of what was confirmed: Message.Digest
	Files    []string // SHA-256 of the files that were sent
	Remote   Remote
	Replaces int64 // the post whose place an Edit takes over, or that this one corrects where nothing can be edited
	Tries    int
	Next     time.Time // when Queued: not before
	Cleared  string    // who confirmed the check, "" while nobody has
	Fault    error     // why it failed or waits, nil when nothing is wrong
	Changed  time.Time
}

// There reports whether something of the post stands, or may stand, at the platform.
func (p Post) There() bool {
	return p.Remote.ID != "" && p.State != Withdrawn && p.State != Corrected || p.State == Uncertain || p.State == Sending
}

// Key gives the idempotency key of a post: the same record's version at the same
// channel always has the same.
func Key(channel int64, record string, version int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "kua post 1\n%d\n%s\n%d\n", channel, record, version))
	return hex.EncodeToString(sum[:16])
}

// Idle reports whether nothing of the post was sent and nothing is on its way, so
// that it can be taken back without anybody being called.
func (p Post) Idle() bool {
	return p.Act != Delete && (p.State == Waiting || p.State == Queued || p.State == Gathered || p.State == Failed)
}

// Digest names what a person confirms: the words, as they are and as they go, the
// links and the files by their hashes. Whatever changes asks for a new word.
func (m Message) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "kua message 1\n%s\n%d\n%q\n%q\n%q\n%q\n", m.Record, m.Version, m.Language, m.Title, m.Summary, m.Body)
	for _, l := range m.Links {
		fmt.Fprintf(h, "%q %q\n", l.Words, l.URL)
	}
	fmt.Fprintln(h, strings.Join(m.Sums(), "\n"))
	return hex.EncodeToString(h.Sum(nil))
}

// Sums gives the SHA-256 of the files, in their order.
func (m Message) Sums() []string {
	var all []string
	for _, f := range m.Files {
		all = append(all, f.SHA256)
	}
	return all
}

// SameFiles reports whether a post that stands there shows exactly the files of a
// later message, so that its words alone can be changed.
func (p Post) SameFiles(m Message) bool { return slices.Equal(p.Files, m.Sums()) }

// MaxTries is how often a post is tried before it waits for a person.
const MaxTries = 8

// MaxPause is how long a post is put off at most.
const MaxPause = 24 * time.Hour

// pauses between the tries of one post: a platform that is away for an hour is
// usual, one that is away for a day is for a person to look at.
var pauses = []time.Duration{30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}

// Again gives how long to wait after so many tries: never less than the platform
// asked for, and never more than a day. After MaxTries ok is false.
func Again(tries int, asked time.Duration) (pause time.Duration, ok bool) {
	if tries >= MaxTries {
		return 0, false
	}
	return min(max(pauses[min(max(tries, 1), len(pauses))-1], asked), MaxPause), true
}

// Goes gives when a queued post goes. What seems to wait for longer than MaxPause
// was put off while this machine's clock was wrong: it goes now.
func (p Post) Goes(now time.Time) time.Time {
	if p.Next.Before(now) || p.Next.After(now.Add(MaxPause)) {
		return now
	}
	return p.Next
}

// After gives where a try has left a post: what the connector gave, or its error,
// at a moment. Nothing that may have arrived is queued again.
func (p Post) After(at Remote, err error, now time.Time) Post {
	back := p.TakenBack()
	p.Changed = now
	if err == nil {
		p.Fault, p.Next, p.Tries = nil, time.Time{}, 0
		p.State = Sent
		if p.Act == Delete {
			p.State = Withdrawn
			return p
		}
		p.Remote = at
		return p
	}
	f := outcome(err)
	if f.Outcome == Gone && p.Act == Delete && !p.Remote.ByHand {
		return p.After(at, nil, now)
	}
	p.Fault = f.Err
	switch f.Outcome {
	case NotDone:
		pause, again := Again(p.Tries, f.After)
		if p.State = Queued; !again {
			p.State = Failed
		}
		p.Next = now.Add(pause)
	case Refused, Gone: // a person named a message that is not there: theirs may be another
		p.State = Failed
	default:
		// Taking away and putting words in place can be done twice with the same
		// end; a second message cannot be taken back.
		p.State = Uncertain
		if p.Act != Send && !back {
			if pause, again := Again(p.Tries, f.After); again {
				p.State, p.Next = Queued, now.Add(pause)
			} else {
				p.State = Failed
			}
		}
	}
	return p
}

// Stopped is After for a try that a person ended: where it was not done, no platform
// is at fault, it counts as no try, and it is not put off.
func (p Post) Stopped(at Remote, err error, now time.Time) Post {
	if err == nil || outcome(err).Outcome != NotDone {
		return p.After(at, err, now)
	}
	p.State, p.Tries, p.Next, p.Fault, p.Changed = Queued, max(p.Tries-1, 0), now, fault.Later("spread.stopped"), now
	return p
}

// TakenBack reports whether a person took a post back while its call was under way:
// their word that it may go is gone, and what became of the call is not known yet.
func (p Post) TakenBack() bool {
	return p.Act != Delete && p.Cleared == "" && (p.State == Sending || p.State == Uncertain)
}

// Back gives what becomes of a post that was taken back, from a moment on, where
// its call has left it: what did not happen is not to happen, and what stands there
// is to be taken away. Of a message that may stand there a person is asked; of a
// correction something stands there in any case.
func (p Post) Back(now time.Time) Post {
	switch {
	case p.State == Sent, p.State == Uncertain && p.Act == Edit:
		return p.TakenAway(now)
	case p.State == Queued, p.State == Gathered, p.State == Failed:
		p.State, p.Fault = Withdrawn, nil
	}
	return p
}

// TakenAway gives a post that stands somewhere as one that is to be taken away
// from a moment on.
func (p Post) TakenAway(now time.Time) Post {
	p.Act, p.State, p.Tries, p.Next, p.Fault = Delete, Queued, 0, now, nil
	return p
}

// NeverThere reports whether a post was taken back before it ever stood at the
// platform.
func (p Post) NeverThere() bool {
	return p.State == Withdrawn && (p.Remote.ID == "" || p.Act == Edit)
}

// Anew gives such a post as one that waits for a person again. What was to take the
// place of another still is.
func (p Post) Anew() Post {
	p.State, p.Digest, p.Cleared, p.Tries, p.Next, p.Fault = Waiting, "", "", 0, time.Time{}, nil
	if p.Act != Edit {
		p.Act, p.Remote, p.Replaces = Send, Remote{}, 0
	}
	return p
}
