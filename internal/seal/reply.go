package seal

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"filippo.io/age"

	"kua/internal/fault"
)

// ReplyBytes is the size of every sealed reply, real or dummy.
const ReplyBytes = 8192

// MaxReplyText is the most bytes of text that one reply holds: what the age
// header for one hybrid recipient, the nonce and the tag leave.
const MaxReplyText = ReplyBytes - replyHeader - 16 - 16

// replyHeader is the size of an age header with one hybrid stanza.
const replyHeader = 1627

// Reply seals text to one hybrid recipient in a file of exactly ReplyBytes. The
// plaintext is the text and zero bytes behind it. Longer text is refused with
// seal.reply_too_long and the limit: send a second reply.
func Reply(text []byte, recipient string) ([]byte, error) {
	if len(text) > MaxReplyText {
		return nil, fault.TooLarge("seal.reply_too_long", len(text), MaxReplyText)
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, fault.Invalid("seal.reply_not_text")
	}
	if kind, err := KindOf([]string{recipient}); err != nil {
		return nil, err
	} else if kind != Hybrid {
		return nil, fault.Invalid("seal.reply_recipient")
	}
	var sealed bytes.Buffer
	w, err := Writer(&sealed, []string{recipient})
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(append(bytes.Clone(text), make([]byte, MaxReplyText-len(text))...)); err != nil {
		return nil, fmt.Errorf("seal reply: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal reply: %w", err)
	}
	if sealed.Len() != ReplyBytes {
		return nil, fmt.Errorf("sealed reply has %d bytes and not %d", sealed.Len(), ReplyBytes)
	}
	return sealed.Bytes(), nil
}

// DummyReply seals nothing to a key that is thrown away at once: an empty slot
// of a mailbox, which nobody can tell from a real reply.
func DummyReply() ([]byte, error) {
	throwaway, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("make throwaway key: %w", err)
	}
	return Reply(nil, throwaway.Recipient().String())
}
