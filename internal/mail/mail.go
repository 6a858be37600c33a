// Package mail sends one message to one address over SMTP, as plain text and, where
// somebody wrote that too, as HTML.
//
// It decides nothing: not whom to write, nor what, nor whether to try again.
// Addresses come from operators and from people who asked for mail; nothing that
// is typed can become a header. It is the only door to the SMTP library.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"kua/internal/fault"
	"kua/internal/onion"
)

// Config names the server that takes the mail.
type Config struct {
	Server   string // host, or host:port
	Implicit bool   // TLS from the first byte (port 465); otherwise STARTTLS (587), which is required unless the host is this machine
	User     string // "": the server takes mail without signing in
	Password string
	From     string         // the sender's address, with or without a name
	Roots    *x509.CertPool // whom to believe; nil: the machine's
	// Dial is the road to the server; nil is the plain one, on which no onion address
	// is asked for. Tor seals the way to an onion server and knows it by its address, so
	// TLS there is taken where it is offered, under any name, and not required.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Message is one message.
type Message struct {
	To          string // one address
	Subject     string
	Text        string
	HTML        string // the same as a page that loads nothing; "" for none
	ID          string // Message-ID without its brackets: the same at every try
	InReplyTo   string // Message-ID of the one that it follows; "" for none
	Unsubscribe string // an https address that ends the mail with one click (RFC 8058); "" for none
}

// Sender sends messages. It is safe for use by several goroutines.
type Sender struct {
	host    string
	from    netmail.Address
	options []gomail.Option
	dial    gomail.DialContextFunc
	sealed  *tls.Config // TLS from the first byte; nil: it begins later or never
}

// patience is how long each step of a sending may take; a road of one's own begins
// by building circuits.
const (
	patience     = 30 * time.Second
	roadPatience = 3 * time.Minute
)

// New checks the configuration; it calls nobody. The faults are mail.server,
// mail.address and onion.needs_tor.
func New(cfg Config) (*Sender, error) {
	host, port, err := net.SplitHostPort(cfg.Server)
	if err != nil {
		host, port = cfg.Server, "587"
		if cfg.Implicit {
			port = "465"
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if host == "" || strings.ContainsAny(host, "/@ ") || err != nil || n == 0 || !oneLine(host) {
		return nil, fault.Invalid("mail.server", cfg.Server)
	}
	from, err := address(cfg.From)
	if err != nil {
		return nil, err
	}
	if onion.Is(host) && cfg.Dial == nil {
		return nil, fault.Invalid("onion.needs_tor", host)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	sealed := &tls.Config{ServerName: host, RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12, InsecureSkipVerify: onion.Is(host)}
	s := &Sender{host: host, from: *from, options: []gomail.Option{
		gomail.WithPort(int(n)), gomail.WithTimeout(patience), gomail.WithHELO(domain), // the machine's own name is nobody's business
		gomail.WithTLSConfig(sealed),
	}}
	if s.dial = cfg.Dial; s.dial == nil {
		s.dial = new(net.Dialer).DialContext
	} else {
		s.options = append(s.options, gomail.WithTimeout(roadPatience))
	}
	policy := cfg.policy(host)
	if cfg.Implicit {
		s.sealed, policy = sealed, gomail.NoTLS // none within the other
	}
	s.options = append(s.options, gomail.WithTLSPolicy(policy))
	if cfg.User != "" {
		plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
		if onion.Is(host) { // Tor seals the way, also where the server offers no TLS
			plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
		}
		s.options = append(s.options, gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, plain, login), gomail.WithUsername(cfg.User), gomail.WithPassword(cfg.Password))
	}
	return s, nil
}

// policy says how STARTTLS is asked for.
func (cfg Config) policy(host string) gomail.TLSPolicy {
	switch {
	case onion.Is(host):
		return gomail.TLSOpportunistic
	case !onion.Loopback(host):
		return gomail.TLSMandatory
	case cfg.Roots == nil:
		return gomail.NoTLS // nobody is between, and a name that no certificate carries
	}
	return gomail.TLSOpportunistic
}

// until gives the road to the server, whose line breaks when sending ends: the library
// asks a context only while it dials.
func (s *Sender) until(sending context.Context) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		bare, err := s.dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(sending, func() { _ = bare.Close() })
		if sending.Err() != nil || s.sealed == nil {
			return bare, sending.Err()
		}
		c := tls.Client(bare, s.sealed)
		return c, c.HandshakeContext(dialing)
	}
}

// address reads one address, with or without a name.
func address(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil || !oneLine(s) || len(a.Address) > 254 { // RFC 5321, 4.5.3.1.3
		return nil, fault.Invalid("mail.address", shown(s))
	}
	return a, nil
}

// shown keeps a bad address fit to be shown.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), 100)], "·"))
}

// oneLine reports a text that can stand in a header: whatever ends a line, or
// turns the direction of writing, is refused and never cut.
func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	})
}

// identifier reports a Message-ID without its brackets (RFC 5322, 3.6.4).
func identifier(s string) bool {
	left, right, ok := strings.Cut(s, "@")
	return ok && left != "" && right != "" && len(s) < 200 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("<>()[]\\,;:\"", r)
	}) && !strings.Contains(right, "@")
}

// Check holds a message against what a header can carry. The faults are
// mail.address and mail.message.
func (m Message) Check() error {
	if _, err := address(m.To); err != nil {
		return err
	}
	bad := ""
	switch {
	case m.Subject == "" || !oneLine(m.Subject) || utf8.RuneCountInString(m.Subject) > 200:
		bad = "Subject"
	case !identifier(m.ID):
		bad = "Message-ID"
	case m.InReplyTo != "" && !identifier(m.InReplyTo):
		bad = "In-Reply-To"
	case m.Unsubscribe != "" && (!strings.HasPrefix(m.Unsubscribe, "https://") || !oneLine(m.Unsubscribe) || strings.ContainsAny(m.Unsubscribe, "<>, ")):
		bad = "List-Unsubscribe"
	case m.Text == "" || !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML):
		bad = "text"
	}
	if bad != "" {
		return fault.Invalid("mail.message", bad)
	}
	return nil
}

// Send gives a message to the server. It returns nil once the server has taken
// it, whatever happens to the line afterwards. When ctx ends, so does the sending, wherever
// it is; its error then stands beside the fault. The faults are those of Check,
// mail.no_mailbox, mail.policy, mail.sender and mail.refused (kind invalid: the server will take nothing for this
// address, nothing for it from here, nothing from this sender, or not this message, now or later), mail.mailbox_later (kind later: the
// mailbox takes nothing now, or the server does not say whose fault it is), mail.sign_in
// (kind later: the server does not take the user and the password, or in no way that keeps them safe) and
// mail.later (kind later: no server answered, it was not to be trusted, or it asks
// to come back). After mail.later the server may have taken the message all the
// same, when the line broke at its end, which MayHaveArrived tells: whoever tries
// again does so under the same ID.
func (s *Sender) Send(ctx context.Context, m Message) error {
	if err := m.Check(); err != nil {
		return err
	}
	msg := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&s.from)
	if err := msg.To(m.To); err != nil {
		return fault.Invalid("mail.address", shown(m.To)).Because(err)
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID)
	msg.SetDateWithValue(time.Now().UTC())               // where the clock hangs is nobody's business either
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes, please
	if m.InReplyTo != "" {
		msg.SetGenHeader(gomail.HeaderInReplyTo, "<"+m.InReplyTo+">")
		msg.SetGenHeader(gomail.HeaderReferences, "<"+m.InReplyTo+">")
	}
	if m.Unsubscribe != "" {
		if err := msg.SetListUnsubscribeOneClick(m.Unsubscribe); err != nil {
			return fault.Invalid("mail.message", "List-Unsubscribe").Because(err)
		}
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	line, over := context.WithCancel(ctx)
	defer over()
	c, err := gomail.NewClient(s.host, append(slices.Clip(s.options), gomail.WithDialContextFunc(s.until(line)))...)
	if err != nil {
		return fault.Invalid("mail.server", s.host).Because(err)
	}
	err = c.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // what fails after it was taken would make two of it
		return nil
	}
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), why(err))
	}
	return why(err)
}

// MayHaveArrived reports whether a sending that gave err had handed out all of the
// message before the line broke, so that nobody knows whether the server took it.
func MayHaveArrived(err error) bool {
	var said *gomail.SendError
	return errors.As(err, &said) && said.Reason == gomail.ErrSMTPDataClose && said.ErrorCode() == 0
}

// What an enhanced status (RFC 3463; RFC 7505 for 5.1.10) says at RCPT. Servers such as
// Postfix refuse clients and senders only there: that says nothing of the mailbox.
var (
	noMailbox = []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
	notTheirs = []string{"5.1.7.", "5.1.8.", "5.7."} // the sender's address, and policy
	statuses  = regexp.MustCompile(`\b5\d\d[ -]"?(5\.\d{1,3}\.\d{1,3})\b`)
)

// status is the enhanced status right behind the code of an answer, or "". Servers that
// do not announce such give them too.
func status(said *gomail.SendError) string {
	if found := statuses.FindStringSubmatch(said.Error()); found != nil {
		return found[1]
	}
	return ""
}

// notSignedIn reports whether what ended before there was a message was the signing in
// (RFC 4954, 4 and 6), and not the line. For some of it the library has no name.
func notSignedIn(err error) bool {
	var said *textproto.Error
	if errors.As(err, &said) {
		return slices.Contains([]int{432, 534, 535, 538}, said.Code)
	}
	return errors.Is(err, gomail.ErrNoSupportedAuthDiscovered) || errors.Is(err, smtp.ErrUnencrypted) || strings.Contains(err.Error(), "server does not support SMTP AUTH")
}

// why says what went wrong with a sending, by the step at which the server said no.
func why(err error) error {
	var said *gomail.SendError
	if !errors.As(err, &said) {
		if notSignedIn(err) {
			return fault.Later("mail.sign_in").Because(err)
		}
		return fault.Later("mail.later").Because(err)
	}
	code := said.ErrorCode()
	switch {
	case said.Reason == gomail.ErrSMTPRcptTo && code >= 500 && slices.Contains(noMailbox, status(said)):
		return fault.Invalid("mail.no_mailbox", code).Because(err)
	case said.Reason == gomail.ErrSMTPRcptTo && code >= 500 && slices.ContainsFunc(notTheirs, func(s string) bool { return strings.HasPrefix(status(said)+".", s) }):
		return fault.Invalid("mail.policy", code).Because(err)
	case said.Reason == gomail.ErrSMTPRcptTo && code >= 400: // a 5xx that says no more may be either: only time tells
		return fault.Later("mail.mailbox_later", code).Because(err)
	case said.Reason == gomail.ErrSMTPMailFrom && code >= 500:
		return fault.Invalid("mail.sender", code).Because(err)
	case code >= 500:
		return fault.Invalid("mail.refused", code).Because(err)
	}
	return fault.Later("mail.later").Because(err)
}
