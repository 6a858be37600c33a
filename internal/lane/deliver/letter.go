package deliver

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/mail"
)

// message is what an authority is told, before it has a form.
type message struct {
	d       lane.Delivery
	first   lane.Delivery // the opening one to the same authority
	r       lane.Request
	a       lane.Assignment
	to      authority.Authority
	history []lane.Event
	router  *authority.Router
}

// sendMail writes to an authority with a link that opens this one request. The
// letter says what everybody may read, and no exact place that the page hides.
func (w *Worker) sendMail(ctx context.Context, m message, c authority.Channel) error {
	if w.Mail == nil {
		return notTried{fault.Conflict("deliver.no_mail")}
	}
	lang := c.Language
	if lang == "" && len(m.to.Languages) > 0 {
		lang = m.to.Languages[0]
	}
	lang = cmp.Or(lang, locale.English)
	token, until, err := w.Lane.Link(ctx, m.a.Number)
	if err != nil {
		return err
	}
	out := mail.Message{To: c.Address}
	if out.ID, err = w.letterID(ctx, m.d.Key(m.history)); err != nil {
		return err
	}
	say := func(key string, args ...any) string { return w.Catalogue.T(lang, key, args...) }
	about := m.category(lang)
	if m.r.Matter != lane.Report {
		about = say("voice." + string(m.r.Matter) + ".name")
	}
	site := w.site.String() + "/" + lang.Path() + "/open"
	link, public := site+"/at/"+token, site+"/case/"+strconv.FormatInt(m.r.ID, 10)
	out.Subject = oneLine(say("deliver.subject", m.r.ID, about))
	var text strings.Builder
	line := func(parts ...string) { text.WriteString(strings.Join(parts, "") + "\n") }
	name := w.Name(lang)
	if m.d.Opening {
		line(say("deliver.opening", name, m.to.Names.In(lang)), "\n")
	} else {
		if out.InReplyTo, err = w.letterID(ctx, m.first.Key(m.history)); err != nil {
			return err
		}
		out.Subject = oneLine(say("deliver.again", out.Subject))
		line(say("deliver.news", name, m.r.ID), "\n")
		what, words := m.act()
		line(say(what))
		if words != "" {
			line(quote(words))
		}
		line()
	}
	line(say("deliver.what"), " ", about)
	if at := m.place(lang); at != "" {
		line(say("deliver.where"), " ", at)
	}
	line(say("deliver.day"), " ", lang.Date(string(m.r.Day)))
	if m.d.Opening {
		line(quote(m.r.Words))
	}
	line()
	if m.d.Opening || m.a.State.Open() {
		line(say("deliver.answer"))
	} else {
		line(say("deliver.see"))
	}
	line(link)
	line(say("deliver.answer.text", lang.Date(string(until))), "\n")
	line(say("deliver.public"))
	line(public)
	out.Text = text.String()
	return w.Mail(ctx, out)
}

// letterID is the Message-ID of a letter to an authority.
func (w *Worker) letterID(ctx context.Context, key string) (string, error) {
	name, err := w.Lane.LetterName(ctx, key)
	return w.id(name), err
}

// id is the Message-ID of a key.
func (w *Worker) id(key string) string { return key + "@" + w.site.Hostname() }

func (m message) category(lang locale.Tag) string {
	return cmp.Or(m.router.CategoryNames(m.r.Category).In(lang), m.r.Category)
}

// place is where, as everybody may know it.
func (m message) place(lang locale.Tag) string {
	at := cmp.Or(m.router.AreaNames(m.r.Area).In(lang), m.r.Area)
	if m.r.Landmark != "" {
		at += " · " + oneLine(m.r.Landmark)
	}
	if m.r.Place != nil && m.r.Visibility == authority.Public {
		at += " · " + m.r.Place.String()
	}
	return at
}

// act says in one sentence what is new, and in which words its doer said it.
func (m message) act() (key, words string) {
	e := m.history[m.d.Event-1]
	switch {
	case e.By == lane.BySupporter:
		return "deliver.act.disputed", "" // whose words it is that follow nobody knows: they stand on the page
	case e.Words != "":
		return "deliver.act.added", e.Words
	case e.To == lane.Withdrawn:
		return "deliver.act.withdrawn", e.Reason
	case e.To == lane.Merged:
		return "deliver.act.merged", strconv.FormatInt(e.Into, 10)
	case e.From == lane.InfoNeeded:
		return "deliver.act.answered", e.Reason
	case e.To == lane.InWork:
		if said := m.history[max(m.d.Event-2, 0)]; e.Reason == "" && said.Verdict != "" { // the verdict that opened it again
			return "deliver.act.reopened", said.Words
		}
		return "deliver.act.reopened", e.Reason
	}
	return "deliver.act.other", e.Reason
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// quote sets words of others apart, so that none of them passes for the letter's own.
func quote(words string) string {
	return "> " + strings.ReplaceAll(lineEnds.Replace(strings.TrimSpace(words)), "\n", "\n> ")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
