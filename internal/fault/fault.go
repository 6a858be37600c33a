// Package fault holds the errors that people see: a kind, the key of a message
// in the catalogue, its arguments and its cause.
//
// A fault is made where a rule is broken and translated once, at the edge (a
// page, an API answer, the terminal). It knows nothing of the product and may
// be used by every package.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a fault means for the one who caused it, and so which HTTP
// status or exit code the edge gives it.
type Kind int

const (
	// KindInternal is a fault of the program or its machine; the caller cannot mend it.
	KindInternal Kind = iota
	// KindInvalid is input that breaks a rule.
	KindInvalid
	// KindNotFound names something that is not there.
	KindNotFound
	// KindConflict is an action that does not fit the present state.
	KindConflict
	// KindForbidden is an action this caller may not take.
	KindForbidden
	// KindTooLarge is input beyond a limit.
	KindTooLarge
	// KindLater is a refusal that ends by itself: come back later.
	KindLater
	// KindCorrupt is stored or received data that fails its own check.
	KindCorrupt
	// KindMissing is a tool or a part of the machine that is not installed.
	KindMissing
)

// Fault is an error with a message for people. Key names the message in the
// catalogue; Key+".hint" names the sentence that says what to do next.
type Fault struct {
	Kind  Kind
	Key   string
	Args  []any
	Cause error
}

// New makes a fault of a kind. The arguments fill {0}, {1}, … of the message.
func New(kind Kind, key string, args ...any) *Fault {
	return &Fault{Kind: kind, Key: key, Args: args}
}

// Invalid is a fault about input that breaks a rule.
func Invalid(key string, args ...any) *Fault { return New(KindInvalid, key, args...) }

// NotFound is a fault about something that is not there.
func NotFound(key string, args ...any) *Fault { return New(KindNotFound, key, args...) }

// Conflict is a fault about an action that does not fit the present state.
func Conflict(key string, args ...any) *Fault { return New(KindConflict, key, args...) }

// Forbidden is a fault about an action this caller may not take.
func Forbidden(key string, args ...any) *Fault { return New(KindForbidden, key, args...) }

// TooLarge is a fault about input beyond a limit.
func TooLarge(key string, args ...any) *Fault { return New(KindTooLarge, key, args...) }

// Later is a refusal that ends by itself.
func Later(key string, args ...any) *Fault { return New(KindLater, key, args...) }

// Corrupt is a fault about data that fails its own check.
func Corrupt(key string, args ...any) *Fault { return New(KindCorrupt, key, args...) }

// Missing is a fault about a tool that is not installed.
func Missing(key string, args ...any) *Fault { return New(KindMissing, key, args...) }

// Because gives the fault its cause and returns it.
func (f *Fault) Because(cause error) *Fault {
	f.Cause = cause
	return f
}

// Error gives the key, the arguments and the cause, for diaries and tests. The
// sentence a person reads comes from the catalogue.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Key)
	for _, a := range f.Args {
		fmt.Fprintf(&b, " %v", a)
	}
	if f.Cause != nil {
		b.WriteString(": " + f.Cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Is reports whether target is a fault with the same key, so that a test can
// say errors.Is(err, fault.Invalid("parcel.truncated")).
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Key == f.Key
}

// Of finds the outermost fault in err's chain.
func Of(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}
