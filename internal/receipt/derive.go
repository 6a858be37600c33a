package receipt

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"filippo.io/age"
	"golang.org/x/crypto/scrypt"
)

// Keys is everything that a receipt opens. ReplyIdentity and Blind are secrets;
// ReplyRecipient, Mailbox and Blind go to the desk inside the sealed report.
type Keys struct {
	ReplyIdentity  string   // AGE-SECRET-KEY-PQ-1…, opens replies
	ReplyRecipient string   // age1pq1…, replies are sealed to it
	Mailbox        string   // 32 hex characters
	Blind          [32]byte // blinds the commitment in the log
}

// The stretching and the labels of spec/receipt.md. scrypt takes 32 MiB and
// about a tenth of a second, once.
const (
	scryptN, scryptR, scryptP = 1 << 15, 8, 1

	scryptSalt   = "kua receipt 1"
	labelReply   = "kua receipt 1 reply"
	labelMailbox = "kua receipt 1 mailbox"
	labelBlind   = "kua receipt 1 blind"
)

// Derive stretches the receipt (scrypt) and expands it (HKDF-SHA256) into its
// keys. The same receipt always gives the same keys.
func (r Receipt) Derive() (Keys, error) {
	master, err := scrypt.Key(r[:], []byte(scryptSalt), scryptN, scryptR, scryptP, 32)
	if err != nil {
		return Keys{}, fmt.Errorf("stretch receipt: %w", err)
	}
	seed, err1 := hkdf.Expand(sha256.New, master, labelReply, 32)
	mailbox, err2 := hkdf.Expand(sha256.New, master, labelMailbox, 16)
	blind, err3 := hkdf.Expand(sha256.New, master, labelBlind, 32)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return Keys{}, fmt.Errorf("expand receipt: %w", err)
		}
	}
	identity, err := age.ParseHybridIdentity(bech32Upper("AGE-SECRET-KEY-PQ-", seed))
	if err != nil {
		return Keys{}, fmt.Errorf("make reply identity: %w", err)
	}
	return Keys{
		ReplyIdentity:  identity.String(),
		ReplyRecipient: identity.Recipient().String(),
		Mailbox:        hex.EncodeToString(mailbox),
		Blind:          [32]byte(blind),
	}, nil
}

// Prefix is the part of a mailbox's name that a node is ever told: its first
// two hex characters, shared with every 256th witness. It gives "" for what is
// no mailbox name.
func Prefix(mailbox string) string {
	if raw, err := hex.DecodeString(mailbox); err != nil || len(raw) != 16 {
		return ""
	}
	return mailbox[:2]
}
