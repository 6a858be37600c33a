// Package seal encrypts, and can do nothing else: it writes age files
// (age-encryption.org/v1) to recipients and holds no way to open one. What
// stands on it and not on keyring cannot read a parcel.
//
// The witness's tools, the desk and, for empty reply slots, the node use it.
package seal

import (
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"kua/internal/fault"
)

// Kind is the kind of a recipient's key.
type Kind string

// The two kinds. All recipients of one file are of one kind: a single X25519
// recipient would take the post-quantum strength from all the others.
const (
	Hybrid Kind = "hybrid" // ML-KEM-768 with X25519, age1pq1…
	X25519 Kind = "x25519" // age1…
)

const maxRecipients = 1000 // an age header may hold 1024 stanzas

// KindOf gives the kind that all recipients share. It refuses none
// (seal.no_recipients), one it cannot read (seal.recipient) and a mix
// (seal.mixed_recipients).
func KindOf(recipients []string) (Kind, error) {
	kind, _, err := parse(recipients)
	return kind, err
}

// Writer starts an age file on dst. What is written to it is encrypted to every
// recipient in a stream; Close finishes the file and must be called.
func Writer(dst io.Writer, recipients []string) (io.WriteCloser, error) {
	_, rs, err := parse(recipients)
	if err != nil {
		return nil, err
	}
	w, err := age.Encrypt(dst, rs...)
	if err != nil {
		return nil, fmt.Errorf("start sealed file: %w", err)
	}
	return w, nil
}

// CiphertextSize is the exact size in bytes of the age file that Writer makes
// of plain bytes for these recipients.
func CiphertextSize(plain int64, recipients []string) (int64, error) {
	if plain < 0 {
		return 0, fmt.Errorf("size %d is negative", plain)
	}
	var n counter
	w, err := Writer(&n, recipients)
	if err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, fmt.Errorf("measure header: %w", err)
	}
	const chunk, tag = 64 << 10, 16
	chunks := max(1, (plain+chunk-1)/chunk)
	return int64(n) - tag + plain + chunks*tag, nil // the empty file had one tag
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func parse(recipients []string) (Kind, []age.Recipient, error) {
	if len(recipients) == 0 {
		return "", nil, fault.Invalid("seal.no_recipients")
	}
	if len(recipients) > maxRecipients {
		return "", nil, fault.TooLarge("seal.too_many_recipients", maxRecipients)
	}
	var first Kind
	var rs []age.Recipient
	for i, s := range recipients {
		kind, r, err := parseOne(s)
		if err != nil {
			return "", nil, fault.Invalid("seal.recipient", i+1).Because(err)
		}
		if i == 0 {
			first = kind
		} else if kind != first {
			return "", nil, fault.Invalid("seal.mixed_recipients")
		}
		rs = append(rs, r)
	}
	return first, rs, nil
}

func parseOne(s string) (Kind, age.Recipient, error) {
	if strings.HasPrefix(s, "age1pq1") {
		r, err := age.ParseHybridRecipient(s)
		return Hybrid, r, err
	}
	r, err := age.ParseX25519Recipient(s)
	return X25519, r, err
}
