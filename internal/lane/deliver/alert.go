package deliver

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/mail"
)

// Alert sends the letter of the alert that is due first, if any is. No letter
// holds words of a report: it cannot be called back when they are withdrawn.
// That it could not be sent is no error here, and no address comes into one.
func (w *Worker) Alert(ctx context.Context) (did bool, err error) {
	a, ok, err := w.Lane.TakeAlert(ctx, w.owner, w.Lease)
	if !ok || err != nil {
		return false, err
	}
	whole := context.WithoutCancel(ctx) // what was sent is kept as sent, even when this ends
	if w.Mail == nil || w.site == nil {
		return true, w.Lane.AlertFailed(whole, a, lane.NotTried)
	}
	var news lane.News
	if !a.Asked {
		if news, err = w.Lane.News(ctx, a); err != nil {
			return true, errors.Join(err, w.Lane.AlertFailed(whole, a, lane.NotTried))
		}
		if news.None() {
			return true, w.Lane.AlertSent(whole, a, news)
		}
	}
	_, router, err := w.Lane.Current(ctx)
	if err != nil {
		return true, err
	}
	inTime, stop := context.WithTimeout(ctx, w.Lease/2) // it must be over before another one may begin
	defer stop()
	err = w.Mail(inTime, w.alertLetter(a, news, router))
	if err == nil {
		return true, w.Lane.AlertSent(whole, a, news)
	}
	return true, w.Lane.AlertFailed(whole, a, trouble(err))
}

// trouble says whose it is that a letter could not be sent.
func trouble(err error) lane.Trouble {
	f, _ := fault.Of(err)
	switch f.Key {
	case "mail.no_mailbox", "mail.address":
		return lane.NoMailbox
	case "mail.mailbox_later":
		return lane.MailboxLater
	case "mail.refused":
		return lane.LetterRefused
	case "mail.policy":
		return lane.PolicyRefused
	case "mail.message":
		return lane.NotTried
	}
	return lane.HouseTrouble
}

// alertLetter writes the letter of an alert: whether it is wanted, or its news.
func (w *Worker) alertLetter(a lane.Alert, news lane.News, router *authority.Router) mail.Message {
	lang := a.Language
	say := func(key string, args ...any) string { return w.Catalogue.T(lang, key, args...) }
	name, site := oneLine(w.Name(lang)), w.site.String()+"/"+lang.Path()+"/open"
	out := mail.Message{To: a.Address, ID: w.id(a.Key())}
	link := site + "/alert/" + a.Mark
	var text strings.Builder
	line := func(parts ...string) { text.WriteString(strings.Join(parts, "") + "\n") }
	about := w.about(a, router)
	if a.Asked {
		out.Subject = shortened(say("alert.mail.subject.ask", name))
		line(say("alert.mail.ask", name, about), "\n")
		line(say("alert.mail.confirm"))
		line(link, "\n")
		line(say("alert.mail.ignore"))
		out.Text = text.String()
		return out
	}
	if w.site.Scheme == "https" {
		out.Unsubscribe = link + "/end"
	}
	if a.Request != 0 {
		out.Subject = shortened(say("alert.mail.subject.case", about))
		line(say("alert.mail.case", name, about), "\n")
		for _, e := range news.Acts {
			line(lang.Date(string(e.Day)), ": ", w.deed(lang, e, router))
		}
		line()
		line(site, "/case/", strconv.FormatInt(a.Request, 10), "\n")
	} else {
		out.Subject = shortened(say("alert.mail.subject.area", about))
		line(say("alert.mail.area", name, about), "\n")
		for _, r := range news.Reports {
			m := message{r: r, router: router}
			at := cmp.Or(router.AreaNames(r.Area).In(lang), r.Area)
			what := m.category(lang)
			if r.Matter != lane.Report {
				what = say("voice." + string(r.Matter) + ".name")
			}
			line(lang.Date(string(r.Day)), " · ", oneLine(what), " · ", oneLine(at))
			line(site, "/case/", strconv.FormatInt(r.ID, 10), "\n")
		}
		if news.More {
			q := url.Values{"area": {a.Area}}
			if a.Category != "" {
				q.Set("what", a.Category)
			}
			line(say("alert.mail.more"))
			line(site, "/?", q.Encode(), "\n")
		}
	}
	line(say("alert.mail.why", lang.Date(string(a.Since)), lang.Date(string(a.Until))))
	line(say("alert.mail.end"))
	line(link, "/end")
	out.Text = text.String()
	return out
}

// about says what an alert is of.
func (w *Worker) about(a lane.Alert, router *authority.Router) string {
	lang := a.Language
	if a.Request != 0 {
		return w.Catalogue.T(lang, "alert.of.case", a.Request)
	}
	at := cmp.Or(router.AreaNames(a.Area).In(lang), a.Area)
	if a.Category != "" {
		at += ": " + cmp.Or(router.CategoryNames(a.Category).In(lang), a.Category)
	}
	return oneLine(at)
}

// deed says what was done, without the words of whoever did it.
func (w *Worker) deed(lang locale.Tag, e lane.Event, router *authority.Router) string {
	what := "laneweb.state." + string(e.To)
	switch {
	case e.Verdict != "":
		what = "alert.act.verdict"
	case e.Outcome != "" || e.Strikes != 0:
		what = "alert.act.outcome"
	case e.Blacks != 0:
		return oneLine(w.Catalogue.T(lang, "blackout.line", e.Blacks))
	case e.Letter != "":
		what = "stopped.line." + string(e.Letter)
	case e.KeptOut():
		what = "check.words.refused"
	case e.Words != "" || e.To == "":
		what = "alert.act.words"
	}
	said := w.Catalogue.T(lang, what)
	if name := router.AuthorityNames(e.Authority).In(lang); name != "" {
		said = name + ": " + said
	}
	return oneLine(said)
}

// shortened makes a subject fit for a header.
func shortened(s string) string {
	const most = 150
	letters := []rune(oneLine(s))
	return string(letters[:min(len(letters), most)])
}
