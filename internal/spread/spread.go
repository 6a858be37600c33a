// Package spread holds the rules by which a published record is carried on to
// places that are not ours: a channel on a platform, a mailing list, a network of
// servers. It says what a channel may carry, what keeps a post from going out,
// which states a post goes through, and what a connector must tell of a call.
//
// It keeps nothing and calls nobody: package desk keeps the outbox in its
// encrypted database and decides when to call, and each platform's connector is a
// package of its own below this one. No post is the only copy of anything: what
// goes out lies in an edition already.
package spread

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/fault"
)

// What a channel may carry beside words and links, which it always does.
const (
	Film   = "film"   // the smallest rendition of the first film
	Poster = "poster" // a film's still picture, or the record's first photo
	Card   = "card"   // the share card: a picture with title and code, drawn of the published record
)

// Carries gives everything that a channel may be allowed to carry.
func Carries() []string { return []string{Film, Poster, Card} }

// Channel is one place to which records are carried on. A new one is off.
type Channel struct {
	ID        int64
	Kind      string   // which connector speaks to it, such as "telegram"
	Name      string   // what the desk calls it; no two have the same
	Place     string   // where it is, as the platform names it: "@made_up_channel". Not secret
	Languages []string // a post is in the first of these that its record has
	Carries   []string // of Carries
	On        bool     // posts may be sent
	Removed   bool     // nothing is ever sent there again; what is there is still listed
}

const (
	maxName  = 60
	maxPlace = 300
)

var languageTag = regexp.MustCompile(`^[a-z]{2}(-[A-Z][a-z]{3})?$`)

// Validate checks what a person says of a channel. Whether its place and secret
// fit the platform its Kind checks.
func (c Channel) Validate() error {
	name, place := utf8.RuneCountInString(c.Name), utf8.RuneCountInString(c.Place)
	ok := name > 0 && name <= maxName && place > 0 && place <= maxPlace && len(c.Languages) > 0
	for _, l := range c.Languages {
		ok = ok && languageTag.MatchString(l)
	}
	for _, what := range c.Carries {
		ok = ok && slices.Contains(Carries(), what)
	}
	if !ok {
		return fault.Invalid("spread.channel_unfit", c.Name, maxName, strings.Join(Carries(), ", "))
	}
	return nil
}

// May reports whether the channel may carry what, one of Carries.
func (c Channel) May(what string) bool { return slices.Contains(c.Carries, what) }

// Switch says in one word how the channel stands: "on", "off" or "removed". A page
// or a terminal asks "spread.switch." and the word.
func (c Channel) Switch() string {
	switch {
	case c.Removed:
		return "removed"
	case c.On:
		return "on"
	}
	return "off"
}

// Checklist gives what a person confirms before a record goes to a channel, each
// time and for each channel: platforms strike for what a collective's own page may
// show. A page or a terminal asks "spread.check." and the name.
func Checklist() []string { return []string{"redaction", "documents", "faces", "plates", "rules"} }

// CheckAll refuses a checklist of which anything is not ticked.
func CheckAll(ticked []string) error {
	for _, item := range Checklist() {
		if !slices.Contains(ticked, item) {
			return fault.Conflict("spread.unchecked")
		}
	}
	return nil
}

// Kind makes the connectors of one platform.
type Kind interface {
	// Check says whether a place and a secret can be the platform's, without
	// asking it. What it gives never holds the secret.
	Check(place string, secret []byte) error
	// Fit leaves of a message exactly what goes: its body, and no file that does not.
	// What people are shown and confirm is that.
	Fit(m Message) (Message, error)
	// At takes a person's word for where a post stands in a channel: what the
	// platform names it, or its address there. What can be none of that channel's is
	// the fault spread.no_remote.
	At(c Channel, id, url string) (Remote, error)
	// Open gives the connector of a channel. It calls nobody yet.
	Open(c Channel, secret []byte) (Connector, error)
}

// Gatherer is a Kind to whose channels many posts go in one message, when a person
// has looked at that message and sends it: a letter cannot be changed later, and
// nobody wants one for each record. Its posts are gathered and not sent one by one;
// what a connector's Send gets is what Gather wrote.
type Gatherer interface {
	Kind
	// Gather writes the one message of those of several posts, each as Fit left it.
	// The same posts give the same message, and the same key.
	Gather(c Channel, all []Message) (Message, error)
}

// Connector speaks to one channel. Each method makes one try and returns soon
// after ctx ends; when to try again is not its business. An error that is no
// *Failure counts as Unknown: what may have arrived is never sent a second time
// without a person's word. No error may hold the channel's secret or a whole
// address with it.
type Connector interface {
	// Send posts a message. What it gives is kept and is all that later calls have.
	Send(ctx context.Context, m Message) (Remote, error)
	// Edit puts a message in the place of one that stands there. The files of the
	// two are the same: only words have changed. A platform that cannot gives
	// Refused.
	Edit(ctx context.Context, at Remote, m Message) (Remote, error)
	// Delete takes a message away. Of one that is not there it gives Gone. Where
	// nothing can be taken away, m is what people are told in its place: which record
	// it was, whether that is withdrawn, and where its page is.
	Delete(ctx context.Context, at Remote, m Message) error
}

// Finder is a connector whose platform can be asked what became of a message.
type Finder interface {
	// Find gives the message that was sent with this key; found is false when the
	// platform says for certain that there is none.
	Find(ctx context.Context, key string) (at Remote, found bool, err error)
}

// Remote is a post at the platform.
type Remote struct {
	ID  string // as the platform names it, never empty
	URL string // where people see it, "" where there is no such address

	ByHand bool // a person said so, who may have been wrong
}

// ParseRemote takes a person's word for where a post stands, as far as that is the
// same on every platform: an id, and a web address, which may be left out.
func ParseRemote(id, url string) (Remote, error) {
	at := Remote{ID: strings.TrimSpace(id), URL: strings.TrimSpace(url), ByHand: true}
	if at.ID == "" || at.URL != "" && !strings.HasPrefix(at.URL, "https://") && !strings.HasPrefix(at.URL, "http://") {
		return Remote{}, fault.Invalid("spread.no_remote")
	}
	return at, nil
}

// Outcome says what is known of a call that failed.
type Outcome string

// The outcomes of a failed call.
const (
	NotDone Outcome = "not done" // it has not happened, and may go another time
	Refused Outcome = "refused"  // it has not happened and will not: a person must change something
	Unknown Outcome = "unknown"  // it may have happened
	Gone    Outcome = "gone"     // what was to be taken away is not there
)

// Failure is a call that did not succeed.
type Failure struct {
	Outcome Outcome
	After   time.Duration // with NotDone: not before then, as the platform asked; 0 says nothing
	Err     error         // a fault with words for people
}

// Error gives the cause's text.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }
