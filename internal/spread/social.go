package spread

import (
	"context"
	"time"

	"kua/internal/actor"
)

// Social is the kind of a network of servers in which a channel is an account of our
// own: a node of ours shows what it says, others ask whether they may follow it, and
// what it says is brought to each of their servers. The desk does that: the connector
// of such a channel is the desk's own, and Open is not asked.
type Social interface {
	Kind
	// NewSecret makes the key of a new channel: no platform gives one.
	NewSecret() ([]byte, error)
	// Host gives the host of the node at which a channel of that place stands.
	Host(place string) (string, error)
	// Account gives the account of a channel at the node with this address.
	Account(c Channel, secret []byte, base string) (Account, error)
}

// Account is a channel's account in a network of servers. What it makes it signs
// with the channel's secret; none of its errors holds that.
type Account interface {
	// ID is the account's address, by which others know it.
	ID() string
	// Owns reports whether a file that a node shows is this account's.
	Owns(file string) bool
	// Documents gives all files that the node shows beside notes.
	Documents(p Profile) (map[string][]byte, error)
	// Say gives what is said with a post's message, first at a moment: now, or when
	// at is not its zero value in the place of what stands there.
	Say(at Remote, m Message, first, now time.Time) (Saying, error)
	// Unsay gives what takes away what stands there.
	Unsay(at Remote) (Saying, error)
	// Remote gives where a message of that key stands once it is said.
	Remote(key string) Remote
	// Hear checks a letter, asking its writer's server for the writer's key. A letter
	// that is not what it says gives a *Failure with Refused.
	Hear(ctx context.Context, l actor.Letter) (Follower, error)
	// Accept gives what lets somebody follow.
	Accept(h actor.Heard) (Saying, error)
	// Move gives what asks followers to follow another account instead.
	Move(to string) (Saying, error)
	// Tell brings an activity to an inbox. It makes one try, and its errors are
	// *Failure: Gone, where there is no such inbox any more. To bring the same twice
	// does no harm in this network.
	Tell(ctx context.Context, inbox string, activity []byte) error
}

// Profile is what an account says of itself.
type Profile struct {
	Title, About string // of the collective, in the channel's language
	Page         string // where people read it
	Followers    int
	Notes        [][]byte // the newest, the newest first
	Total        int
	Before       []string // ids of accounts whose followers are to follow this one
	Moved        string   // id of the account that they are to follow, "" for none
}

// Saying is one thing that an account says.
type Saying struct {
	At       Remote
	File     string // that shows it from now on; "" for what is said to one server alone
	Document []byte // what stands there
	Gone     bool   // it is taken away

	ID       string // of the activity: the same one is brought to a server once
	Activity []byte // for servers that know what stood there before, and may
	Fresh    []byte // for those that never heard of it; nil where Activity is for all
}

// Follower is somebody who follows an account, or asks to.
type Follower struct {
	ID    string // by which their server names them
	Inbox string // of their own
	Told  string // the inbox of their server for all of its people; else Inbox
}

// Delivery is something that a server is to be told.
type Delivery struct {
	ID       int64
	Channel  int64
	About    string // the file or the follower that it is about, "" for none
	Inbox    string
	Activity []byte
	Tries    int
}

// Audience counts who follows a channel, and what of it reached their servers.
type Audience struct{ Followers, Waiting, Lost int }
