// Package maillist carries records on to a mailing list: one address, at a list
// server that others run, to which the desk writes as one of its senders. Who reads
// the list, how they come onto it and leave it, is kept there; Kuä holds nobody's
// address but the list's.
//
// A letter cannot be changed or taken away, so posts are gathered: one letter tells
// of all that were confirmed since the last, corrections among them, and a
// withdrawal is a letter of its own that says so. It keeps nothing and tries nothing
// twice: package spread says what the errors it gives mean, package desk decides.
// The server's password stands in no error.
package maillist

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net"
	netmail "net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/mail"
	"kua/internal/onion"
	"kua/internal/spread"
)

// Name is what channels of this platform have as their kind.
const Name = "mail"

const (
	maxEntry = 4000 // characters that a letter says of one record
	maxIDs   = 5    // records that a subject names
)

// Kind makes connectors to mailing lists.
type Kind struct {
	// Say gives words in any language; it must not be nil. See locale.Catalogue.T.
	Say func(t locale.Tag, key string, args ...any) string
	// Road is how the mail server is reached: through Tor or another proxy. nil is the
	// plain road, on which only a server on this machine is taken: any other would see
	// where the desk is, and servers write that into the letter, for every reader.
	Road  func(ctx context.Context, network, address string) (net.Conn, error)
	Roots *x509.CertPool // whom to believe; nil: the machine's
}

// Check takes the list's address, and the server that takes the desk's mail with
// what it wants, as one address:
//
//	smtps://user:password@mail.example.org/?from=news@example.org
//
// smtps is TLS from the first byte (port 465), smtp is STARTTLS (587). Without from
// the user's name is the sender's address.
func (k Kind) Check(place string, secret []byte) error {
	_, err := k.open(place, secret)
	return err
}

func (k Kind) open(place string, secret []byte) (list, error) {
	if strings.ContainsAny(place, "<> ") {
		return list{}, fault.Invalid("mail.address", place)
	}
	probe := mail.Message{To: place, Subject: "x", Text: "x", ID: "x@x"}
	if err := probe.Check(); err != nil {
		return list{}, err
	}
	cfg, err := server(secret)
	if err != nil {
		return list{}, err
	}
	if host := hostOf(cfg.Server); !onion.Loopback(host) {
		if k.Road == nil {
			return list{}, fault.Forbidden("spread.mail.plain_road", host)
		}
		cfg.Dial = k.Road
	}
	cfg.Roots = k.Roots
	sender, err := mail.New(cfg)
	if err != nil {
		return list{}, err
	}
	from, err := netmail.ParseAddress(cfg.From)
	if err != nil {
		return list{}, fault.Invalid("mail.address", cfg.From)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return list{kind: k, to: place, domain: domain, sender: sender}, nil
}

// server reads what Check describes. Nothing of it is repeated in an error.
func server(secret []byte) (mail.Config, error) {
	u, err := url.Parse(strings.TrimSpace(string(secret)))
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return mail.Config{}, fault.Invalid("spread.mail.secret")
	}
	asked, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(asked) > 1 || len(asked) == 1 && len(asked["from"]) != 1 {
		return mail.Config{}, fault.Invalid("spread.mail.secret")
	}
	cfg := mail.Config{Server: u.Host, Implicit: u.Scheme == "smtps", From: asked.Get("from")}
	if u.User != nil {
		cfg.User = u.User.Username()
		cfg.Password, _ = u.User.Password()
	}
	if cfg.From == "" {
		cfg.From = cfg.User
	}
	if cfg.From == "" || cfg.User != "" && cfg.Password == "" {
		return mail.Config{}, fault.Invalid("spread.mail.secret")
	}
	return cfg, nil
}

func hostOf(server string) string {
	if host, _, err := net.SplitHostPort(server); err == nil {
		return host
	}
	return strings.Trim(server, "[]")
}

// Fit writes what a letter says of one record. No file goes along: pictures in
// letters are loaded or kept where nobody can take them back.
func (k Kind) Fit(m spread.Message) (spread.Message, error) {
	t := m
	t.Title = k.say(m.Language, "spread.mail.entry", m.Record) + "\n" + m.Title
	if m.Correction != "" {
		t.Summary = k.say(m.Language, "spread.mail.corrected", m.Correction) + "\n\n" + m.Summary
	}
	text, err := t.Text(maxEntry, utf8.RuneCountInString)
	m.Body, m.Files = text, nil
	return m, err
}

func (k Kind) say(language, key string, args ...any) string {
	return k.Say(locale.Tag(language), key, args...)
}

// between stands between two records of a letter.
const between = "\n\n– – –\n\n"

// Gather writes the letter: its subject is the message's title. The subject names
// numbers alone, since locked screens show it.
func (k Kind) Gather(c spread.Channel, all []spread.Message) (spread.Message, error) {
	language := c.Languages[0]
	var ids, keys, entries []string
	letter := spread.Message{Language: language}
	for _, m := range all {
		ids, keys, entries = append(ids, m.Record), append(keys, m.Key), append(entries, m.Body)
		letter.Links = append(letter.Links, m.Links...)
	}
	slices.Sort(keys)
	sum := sha256.Sum256([]byte("kua letter 1\n" + strings.Join(keys, "\n") + "\n"))
	letter.Key, letter.Record = hex.EncodeToString(sum[:16]), strings.Join(ids, " ")
	named := strings.Join(ids[:min(len(ids), maxIDs)], ", ")
	letter.Title = k.say(language, "spread.mail.subject", named)
	if more := len(ids) - maxIDs; more > 0 {
		letter.Title = k.say(language, "spread.mail.subject_more", named, more)
	}
	letter.Body = k.say(language, "spread.mail.head") + "\n\n" + strings.Join(entries, between) + between + k.say(language, "spread.mail.foot")
	return letter, nil
}

// At takes a letter's Message-ID, with or without its brackets.
func (Kind) At(_ spread.Channel, id, url string) (spread.Remote, error) {
	at, err := spread.ParseRemote(id, url)
	if err != nil {
		return at, err
	}
	at.ID = strings.TrimSuffix(strings.TrimPrefix(at.ID, "<"), ">")
	probe := mail.Message{To: "a@b.example", Subject: "x", Text: "x", ID: at.ID}
	if probe.Check() != nil {
		return spread.Remote{}, fault.Invalid("spread.mail.no_id")
	}
	return at, nil
}

// Open gives the connector of a list.
func (k Kind) Open(c spread.Channel, secret []byte) (spread.Connector, error) {
	l, err := k.open(c.Place, secret)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// list is one list with the server that takes what is written to it.
type list struct {
	kind   Kind
	to     string
	domain string // of the sender
	sender *mail.Sender
}

// id is a letter's Message-ID: the same at every try.
func (l list) id(key string) string { return "kua-" + key + "@" + l.domain }

// Send sends a letter that Gather wrote.
func (l list) Send(ctx context.Context, m spread.Message) (spread.Remote, error) {
	return l.send(ctx, mail.Message{Subject: m.Title, Text: m.Body + "\n", HTML: page(m), ID: l.id(m.Key)})
}

// Edit is never asked for: a correction goes with the next letter.
func (l list) Edit(_ context.Context, at spread.Remote, _ spread.Message) (spread.Remote, error) {
	return at, &spread.Failure{Outcome: spread.Refused, Err: fault.Invalid("spread.mail.no_edit")}
}

// Delete sends the letter that says that a record is withdrawn, or that the
// collective takes back what it wrote of it, below the letter that told of it.
func (l list) Delete(ctx context.Context, at spread.Remote, m spread.Message) error {
	say := func(key string, args ...any) string { return l.kind.say(m.Language, key, args...) }
	what := "spread.mail.taken_back"
	if m.Withdrawn {
		what = "spread.mail.withdrawn"
	}
	m.Title = say(what+".subject", m.Record)
	m.Body = say(what, m.Record)
	if m.Summary != "" {
		m.Body += "\n\n" + m.Summary
	}
	for _, link := range m.Links {
		m.Body += "\n\n" + link.Words + " " + link.URL
	}
	m.Body += between + say("spread.mail.foot")
	_, err := l.send(ctx, mail.Message{Subject: m.Title, Text: m.Body + "\n", HTML: page(m), ID: l.id(m.Key + "-gone"), InReplyTo: at.ID})
	return err
}

func (l list) send(ctx context.Context, m mail.Message) (spread.Remote, error) {
	m.To = l.to
	at := spread.Remote{ID: m.ID}
	err := l.sender.Send(ctx, m)
	f, ok := fault.Of(err)
	switch {
	case err == nil:
		return at, nil
	case mail.MayHaveArrived(err):
		return at, &spread.Failure{Outcome: spread.Unknown, Err: fault.Later("spread.mail.cut", m.ID)}
	case ok && f.Kind == fault.KindInvalid:
		return at, &spread.Failure{Outcome: spread.Refused, Err: fault.New(f.Kind, f.Key, f.Args...)}
	case ok && f.Key == "mail.sign_in":
		return at, &spread.Failure{Outcome: spread.NotDone, Err: fault.Later(f.Key)}
	}
	return at, &spread.Failure{Outcome: spread.NotDone, Err: fault.Later("spread.mail.unreachable")}
}
