package deliver

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/mail"
)

// Digest sends one daily letter, if one is due. Where no mail can be sent, or
// nobody is real, none is written at all.
func (w *Worker) Digest(ctx context.Context) (did bool, err error) {
	if w.Mail == nil || w.site == nil {
		return false, nil
	}
	_, router, err := w.Lane.Current(ctx)
	if f, ok := fault.Of(err); ok && f.Key == "lane.no_directory" {
		return false, nil
	}
	if err != nil || router.Directory().Info.MadeUp {
		return false, err
	}
	if err := w.Lane.DecideDigests(ctx); err != nil {
		return false, err
	}
	d, ok, err := w.Lane.TakeDigest(ctx, w.owner, w.Lease)
	if !ok || err != nil {
		return ok, err
	}
	whole := context.WithoutCancel(ctx) // what was sent is kept as sent, even when this ends
	to, err := router.Authority(d.Authority)
	if err != nil {
		return true, w.Lane.DropDigest(whole, d)
	}
	c, ok := lane.Mailbox(to)
	if !ok || d.None() {
		return true, w.Lane.DropDigest(whole, d)
	}
	lang := c.Language
	if lang == "" && len(to.Languages) > 0 {
		lang = to.Languages[0]
	}
	lang = cmp.Or(lang, locale.English)
	inTime, stop := context.WithTimeout(ctx, w.Lease/2) // it must be over before another one may begin
	defer stop()
	if why := w.Mail(inTime, w.digest(d, router.Directory().Info.ID, c.Address, to.Names.In(lang), lang)); why != nil {
		return true, w.Lane.FailedDigest(whole, d, why)
	}
	return true, w.Lane.SentDigest(whole, d)
}

// digest writes a daily letter: numbers and the way to the inbox, nothing of a report.
func (w *Worker) digest(d lane.Digest, place, address, name string, lang locale.Tag) mail.Message {
	say := func(key string, args ...any) string { return w.Catalogue.T(lang, key, args...) }
	var text strings.Builder
	line := func(s string) { text.WriteString(s + "\n") }
	line(say("deliver.digest.begin", w.Name(lang), name) + "\n")
	for _, c := range []struct {
		key string
		n   int
	}{{"deliver.digest.over", d.Over}, {"deliver.digest.soon", d.Soon}, {"deliver.digest.new", d.New}, {"deliver.digest.broken", d.Broken}, {"deliver.digest.pledges", d.Pledges}} {
		if c.n > 0 {
			line(say(c.key, strconv.Itoa(c.n)))
		}
	}
	if d.More {
		line(say("deliver.digest.more"))
	}
	line("")
	line(say("deliver.digest.inbox"))
	line(w.site.String() + "/" + lang.Path() + "/open/office/")
	line("")
	line(say("deliver.digest.off"))
	return mail.Message{To: address, ID: w.id(d.Key(place)), Subject: oneLine(say("deliver.digest.subject", name, lang.Date(string(d.Day)))), Text: text.String()}
}
