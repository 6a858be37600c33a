package telegram

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/go-telegram/bot"

	"kua/internal/fault"
	"kua/internal/spread"
)

// body knows whether its end was given out: before that, no server can have taken
// the call for whole.
type body struct {
	io.ReadCloser
	moved func()
	whole atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.moved()
	if errors.Is(err, io.EOF) {
		b.whole.Store(true)
	}
	return n, err
}

// answer stops the watch when it is closed.
type answer struct {
	io.Reader
	io.Closer
	timer *time.Timer
}

func (a *answer) Close() error {
	a.timer.Stop()
	return a.Closer.Close()
}

// maxDescription is how much of the Bot API's own words is kept.
const maxDescription = 200

// failure sorts what the Bot API, or the road to it, said.
func (c channel) failure(err error, r *road) error {
	var busy *bot.TooManyRequestsError
	var moved *bot.MigrateError
	switch {
	case errors.As(err, &busy):
		after := time.Duration(max(busy.RetryAfter, 1)) * time.Second
		return &spread.Failure{Outcome: spread.NotDone, After: after, Err: fault.Later("spread.telegram.busy", int(after.Seconds()))}
	case errors.As(err, &moved):
		return refused(fault.Invalid("spread.telegram.no_chat", c.place, moved.MigrateToChatID))
	case errors.Is(err, bot.ErrorUnauthorized), errors.Is(err, bot.ErrorNotFound):
		return refused(fault.Forbidden("spread.telegram.token"))
	case errors.Is(err, bot.ErrorForbidden):
		return refused(fault.Forbidden("spread.telegram.forbidden", c.place, c.said(err)))
	case errors.Is(err, bot.ErrorBadRequest):
		return refused(c.badRequest(err))
	case errors.Is(err, fault.Corrupt("spread.bytes_changed")) && !r.arrived():
		f, _ := fault.Of(err)
		return refused(fault.New(f.Kind, f.Key, f.Args...))
	case r.status == http.StatusRequestEntityTooLarge:
		return refused(fault.TooLarge("spread.telegram.too_large"))
	case r.status >= 300 && r.status < 500:
		return refused(fault.Invalid("spread.telegram.refused", http.StatusText(r.status)))
	case !r.arrived():
		return &spread.Failure{Outcome: spread.NotDone, Err: fault.Later("spread.telegram.unreachable").Because(errors.New(c.said(err)))}
	}
	return &spread.Failure{Outcome: spread.Unknown, Err: fault.Later("spread.telegram.cut").Because(errors.New(c.said(err)))}
}

// arrived reports whether the whole call may have been heard.
func (r *road) arrived() bool { return r.body != nil && r.body.whole.Load() }

// badRequest gives the Bot API's words for what it will never do a name of ours,
// where it means something that a person can mend.
func (c channel) badRequest(err error) error {
	for words, key := range map[string]string{
		"chat not found": "spread.telegram.no_chat", "message can't be deleted": "spread.telegram.cannot_delete",
		"message can't be edited": "spread.telegram.cannot_edit", "message to edit not found": "spread.telegram.gone",
		"not enough rights": "spread.telegram.forbidden", "need administrator rights": "spread.telegram.forbidden",
	} {
		if strings.Contains(err.Error(), words) {
			return fault.New(fault.KindInvalid, key, c.place, c.said(err))
		}
	}
	return fault.Invalid("spread.telegram.refused", c.said(err))
}

// said gives an error's words without the token, on one line and not too long.
func (c channel) said(err error) string {
	text := strings.ReplaceAll(err.Error(), c.token, "…")
	_, secret, _ := strings.Cut(c.token, ":")
	text = strings.ReplaceAll(text, secret, "…")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if all := []rune(text); len(all) > maxDescription {
		return string(all[:maxDescription]) + "…"
	}
	return text
}

// says reports whether the Bot API refused with these words.
func says(err error, words string) bool {
	f, ok := fault.Of(err)
	if !ok {
		return false
	}
	for _, a := range f.Args {
		if s, ok := a.(string); ok && strings.Contains(s, words) {
			return true
		}
	}
	return false
}
