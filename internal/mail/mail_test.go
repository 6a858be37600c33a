package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"

	"kua/internal/fault"
	"kua/internal/mail/mailtest"
)

func letter(change ...func(*Message)) Message {
	m := Message{To: "office@city.example", Subject: "Сообщение 7: Открытый люк", Text: "Люк открыт.\n.\nhttps://kua.example/ru/open/case/7\n" + strings.Repeat("длинная строка ", 90) + "\n",
		ID: "case-7-1-1-abcdef@kua.example"}
	for _, c := range change {
		c(&m)
	}
	return m
}

// to gives a sender that reaches the server under a name that is not this machine's.
func to(t *testing.T, s *mailtest.Server, cfg Config) *Sender {
	t.Helper()
	cfg.Server, cfg.From, cfg.Roots = "mail.example:2525", "Drivers' Society <post@kua.example>", s.Roots
	cfg.Dial = road(s.Addr)
	out, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	out.options = append(out.options, gomail.WithTimeout(2*time.Second))
	return out
}

// road leads to one address, whatever was asked for.
func road(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

// TestSend has a real server take a message: whole, with the headers that it was
// given and no others, over TLS, and nothing of this machine's name.
func TestSend(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t, mailtest.Auth, true)
	m := letter(func(m *Message) {
		m.InReplyTo, m.Unsubscribe = "case-7-1-0-abcdef@kua.example", "https://kua.example/en/stop/abc"
	})
	if err := to(t, server, Config{User: "kua", Password: "geheim"}).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.Wait(t, 1)[0]
	if !got.TLS || got.User != "kua" || got.HELO != "kua.example" || got.From != "post@kua.example" || len(got.To) != 1 || got.To[0] != m.To {
		t.Errorf("the envelope: %+v", got)
	}
	read, err := netmail.ReadMessage(strings.NewReader(got.Text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("Subject = %q, %v", subject, err)
	}
	for name, want := range map[string]string{"Message-ID": "<" + m.ID + ">", "In-Reply-To": "<" + m.InReplyTo + ">", "References": "<" + m.InReplyTo + ">",
		"List-Unsubscribe": "<" + m.Unsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "User-Agent": "", "X-Mailer": "",
		"Auto-Submitted": "auto-generated", "Content-Type": "text/plain; charset=UTF-8", "To": "<office@city.example>"} {
		if got := read.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	text, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil || strings.ReplaceAll(string(text), "\r\n", "\n") != m.Text {
		t.Errorf("the text is %q, %v", text, err)
	}
	if err := to(t, server, Config{User: "kua", Password: "wrong"}).Send(t.Context(), m); err == nil {
		t.Error("a wrong password sends")
	}
	if n := len(server.Letters()); n != 1 {
		t.Errorf("the server took %d letters, want 1", n)
	}
}

// TestSendRequiresTLS: a server elsewhere that speaks in the clear, or under a
// certificate that nobody vouches for, gets neither the message nor the password.
func TestSendRequiresTLS(t *testing.T) {
	t.Parallel()
	bare, strange := mailtest.Start(t, mailtest.Take, false), mailtest.Start(t, mailtest.Take, true)
	strange.Roots = mailtest.Start(t, mailtest.Take, true).Roots // another one's
	for name, s := range map[string]*mailtest.Server{"in the clear": bare, "not vouched for": strange} {
		if err := to(t, s, Config{}).Send(t.Context(), letter()); !errors.Is(err, fault.Later("mail.later")) || len(s.Letters()) != 0 {
			t.Errorf("%s: %v, took %d letters", name, err, len(s.Letters()))
		}
	}
	here, err := New(Config{Server: bare.Addr, From: "post@kua.example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Send(t.Context(), letter()); err != nil || bare.Wait(t, 1)[0].TLS {
		t.Errorf("on this machine in the clear: %v", err)
	}
}

// TestSendFails tells what will never be taken from what may be later.
func TestSendFails(t *testing.T) {
	t.Parallel()
	for manner, want := range map[mailtest.Manner]*fault.Fault{
		mailtest.Refuse: fault.Invalid("mail.no_mailbox"), mailtest.Sender: fault.Invalid("mail.sender"), mailtest.Content: fault.Invalid("mail.refused"), mailtest.Later: fault.Later("mail.mailbox_later"), mailtest.Hang: fault.Later("mail.later"),
	} {
		s := mailtest.Start(t, manner, false)
		here, err := New(Config{Server: s.Addr, From: "post@kua.example"})
		if err != nil {
			t.Fatal(err)
		}
		err = here.Send(t.Context(), letter())
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", manner, err, want)
		}
		if got := MayHaveArrived(err); got != (manner == mailtest.Hang) {
			t.Errorf("%s: it may have arrived: %t", manner, got)
		}
	}
	nobody, err := New(Config{Server: "127.0.0.1:1", From: "post@kua.example"})
	if err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if err := nobody.Send(over, letter()); !errors.Is(err, context.Canceled) || !errors.Is(err, fault.Later("mail.later")) {
		t.Errorf("nobody waits: %v", err)
	}
	if err := nobody.Send(t.Context(), letter()); !errors.Is(err, fault.Later("mail.later")) || MayHaveArrived(err) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestPolicyIsNoDeadMailbox: only what a server says of the mailbox itself is for good; its
// policy, the sender's address, and a refusal that says no more are told apart from that.
func TestPolicyIsNoDeadMailbox(t *testing.T) {
	t.Parallel()
	s := mailtest.Start(t, mailtest.Says, false)
	here, err := New(Config{Server: s.Addr, From: "post@kua.example"})
	if err != nil {
		t.Fatal(err)
	}
	gone, policy, unclear := fault.Invalid("mail.no_mailbox"), fault.Invalid("mail.policy"), fault.Later("mail.mailbox_later")
	for said, want := range map[string]*fault.Fault{
		"550_5.1.1": gone, "550_5.1.2": gone, "556_5.1.10": gone, "550_5.2.1": gone,
		"554_5.7.1": policy, "550_5.7.606": policy, "550_5.1.8": policy, "550_5.1.7": policy,
		"550": unclear, "554": unclear, "552_5.2.2": unclear, "550_5.1.0": unclear, "450_4.7.1": unclear, "550_not_5.1.1": unclear,
	} {
		if err := here.Send(t.Context(), letter(func(m *Message) { m.To = said + "@mail.example" })); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", said, err, want)
		}
	}
}

// TestNoHeaderIsInjected: what could end a header's line, or make two addresses of
// one, is refused before anybody is called.
func TestNoHeaderIsInjected(t *testing.T) {
	nowhere, err := New(Config{Server: "127.0.0.1:1", From: "post@kua.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"a\r\nBcc: all@example.org", "a\nb", "a\rb", "a\x00b", "a\u2028b", "a\u202eb", "\xff"} {
		for field, change := range map[string]func(*Message){
			"Subject": func(m *Message) { m.Subject = bad }, "To": func(m *Message) { m.To = bad + "@example.org" }, "To's name": func(m *Message) { m.To = bad + " <a@example.org>" },
			"ID": func(m *Message) { m.ID = bad + "@example.org" }, "InReplyTo": func(m *Message) { m.InReplyTo = bad + "@example.org" },
			"Unsubscribe": func(m *Message) { m.Unsubscribe = "https://example.org/" + bad },
		} {
			err := nowhere.Send(t.Context(), letter(change))
			if f, ok := fault.Of(err); !ok || f.Kind != fault.KindInvalid {
				t.Errorf("%s %q: %v", field, bad, err)
			}
		}
	}
	for _, to := range []string{"", "a", "a@b.example, c@d.example", "a@b.example c@d.example", "<a@b.example", "@b.example", "a@", strings.Repeat("x", 300) + "@b.example"} {
		if err := letter(func(m *Message) { m.To = to }).Check(); !errors.Is(err, fault.Invalid("mail.address")) {
			t.Errorf("to %q: %v", to, err)
		}
	}
	for _, id := range []string{"", "x", "@", "a@b@c", "a b@c", "a@b>", "a@b\r\n"} {
		if err := letter(func(m *Message) { m.ID = id }).Check(); !errors.Is(err, fault.Invalid("mail.message")) {
			t.Errorf("ID %q: %v", id, err)
		}
	}
	for _, server := range []string{"", "host:0", "host:99999", "host:x", "a b", "smtp://x", "u@h:25"} {
		if _, err := New(Config{Server: server, From: "a@b.example"}); !errors.Is(err, fault.Invalid("mail.server")) {
			t.Errorf("server %q: %v", server, err)
		}
	}
}

// FuzzCheck: a message that passes is written with the headers it names, each once.
func FuzzCheck(f *testing.F) {
	f.Add("a@b.example", "subject", "text", "id@b", "", "")
	f.Add("Имя <a@b.example>", "тема\r\nBcc: x@y", "т", "id@b", "x@y", "https://b/u")
	f.Fuzz(func(t *testing.T, to, subject, text, id, reply, stop string) {
		m := Message{To: to, Subject: subject, Text: text, ID: id, InReplyTo: reply, Unsubscribe: stop}
		if m.Check() != nil {
			return
		}
		msg := gomail.NewMsg()
		if err := msg.To(m.To); err != nil {
			return // the library is stricter: Send says so
		}
		msg.Subject(m.Subject)
		msg.SetMessageIDWithValue(m.ID)
		msg.SetBodyString(gomail.TypeTextPlain, "x")
		var b strings.Builder
		if _, err := msg.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		read, err := netmail.ReadMessage(strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		for _, name := range []string{"To", "Subject", "Message-Id"} {
			if n := len(read.Header[name]); n != 1 {
				t.Fatalf("%s stands %d times:\n%s", name, n, b.String())
			}
		}
		if all, err := read.Header.AddressList("To"); err != nil || len(all) != 1 || len(read.Header["Bcc"]) != 0 {
			t.Fatalf("to %v, %v", all, err)
		}
	})
}

// TestSendByARoad: with a road of one's own every connection goes through it, under
// the name that was given, with TLS from the first byte where that is asked for; an
// onion server is asked of no other road. A page goes beside the text, and the date
// says nothing of where this machine is.
func TestSendByARoad(t *testing.T) {
	t.Parallel()
	server, bare := mailtest.Start(t, mailtest.Take, true), mailtest.Start(t, mailtest.Take, false)
	sealed, err := tls.Listen("tcp", "127.0.0.1:0", server.Same)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	go func() { // a server that speaks TLS from the first byte, before the one that does not
		for {
			c, err := sealed.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				to, err := net.Dial("tcp", bare.Addr)
				if err != nil {
					return
				}
				defer to.Close()
				go func() { _, _ = io.Copy(to, c) }()
				_, _ = io.Copy(c, to)
			}()
		}
	}()
	for _, test := range []struct {
		cfg    Config
		at, by string // where the road leads, and under which name
	}{
		{Config{Server: "mail.example"}, server.Addr, "mail.example:587"},
		{Config{Server: "mail.example", Implicit: true}, sealed.Addr().String(), "mail.example:465"},
		{Config{Server: "made-up.onion:25"}, server.Addr, "made-up.onion:25"}, // under a certificate for another name
		{Config{Server: "made-up.onion"}, bare.Addr, "made-up.onion:587"},
	} {
		asked := ""
		test.cfg.From, test.cfg.Roots = "post@kua.example", server.Roots
		test.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			asked = address
			return new(net.Dialer).DialContext(ctx, network, test.at)
		}
		s, err := New(test.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), letter(func(m *Message) { m.HTML = "<p>Люк" })); err != nil || asked != test.by {
			t.Errorf("%s: the road was asked for %q, %v", test.by, asked, err)
		}
	}
	for i, got := range append(server.Wait(t, 2), bare.Wait(t, 2)...) {
		if !strings.Contains(got.Text, "multipart/alternative") || !strings.Contains(got.Text, "text/html; charset=UTF-8") || !strings.HasSuffix(got.Header("Date")[0], " +0000") {
			t.Errorf("letter %d:\n%s", i, got.Text)
		}
	}
	if _, err := New(Config{Server: "made-up.onion", From: "post@kua.example"}); !errors.Is(err, fault.Invalid("onion.needs_tor")) {
		t.Errorf("an onion server on the plain road: %v", err)
	}
}

// TestSendEnds: a sending that nobody wants any more ends wherever it is, at once; that
// the server may have the letter is known where it was all handed out.
func TestSendEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		at    string // what the server hears last and does not answer; "" it does not even greet
		hears bool   // the letter
	}{{"", false}, {"EHLO", false}, {"RCPT", false}, {"DATA", false}, {".", true}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ctx, stop := context.WithCancel(t.Context())
		heard := make(chan string, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			heard <- listen(c, test.at, stop)
		}()
		s, err := New(Config{Server: l.Addr().String(), From: "post@kua.example"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err = s.Send(ctx, letter())
		if !errors.Is(err, context.Canceled) || !errors.Is(err, fault.Later("mail.later")) || MayHaveArrived(err) != test.hears || time.Since(began) > patience/2 {
			t.Errorf("ended at %q: %v after %s, may have arrived %t", test.at, err, time.Since(began), MayHaveArrived(err))
		}
		if got := <-heard; strings.Contains(got, "Subject:") != test.hears {
			t.Errorf("ended at %q the server heard %q", test.at, got)
		}
		stop()
	}
}

// listen is a server that calls stop instead of answering one line, and gives all it
// heard until the line broke.
func listen(c net.Conn, at string, stop func()) string {
	var all strings.Builder
	in := bufio.NewScanner(c)
	if at == "" {
		stop()
	} else {
		fmt.Fprint(c, "220 made up\r\n")
	}
	data := false
	for in.Scan() {
		line := in.Text()
		all.WriteString(line + "\n")
		switch {
		case at != "" && (line == at || !data && strings.HasPrefix(line, at)):
			stop()
		case data:
		case line == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		default:
			fmt.Fprint(c, "250 OK\r\n")
		}
	}
	return all.String()
}

// TestSignIn: a password goes in the clear to an onion server, whose way Tor seals, and to
// no other elsewhere; that it is not taken is told as that.
func TestSignIn(t *testing.T) {
	t.Parallel()
	server, open := mailtest.Start(t, mailtest.Auth, false), mailtest.Start(t, mailtest.Take, true)
	send := func(addr string, cfg Config) error {
		t.Helper()
		cfg.From, cfg.User, cfg.Dial = "post@kua.example", "kua", road(addr)
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s.Send(t.Context(), letter())
	}
	if err := send(server.Addr, Config{Server: "made-up.onion", Password: "geheim"}); err != nil {
		t.Errorf("at an onion server: %v", err)
	}
	if got := server.Wait(t, 1)[0]; got.User != "kua" || got.TLS {
		t.Errorf("the onion server took %+v", got)
	}
	if err := send(server.Addr, Config{Server: "made-up.onion", Password: "wrong"}); !errors.Is(err, fault.Later("mail.sign_in")) {
		t.Errorf("with a wrong password: %v", err)
	}
	if err := send(server.Addr, Config{Server: "mail.example", Password: "geheim"}); !errors.Is(err, fault.Later("mail.later")) {
		t.Errorf("elsewhere in the clear: %v", err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // offers no signing in
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() {
		if c, err := silent.Accept(); err == nil {
			defer c.Close()
			listen(c, "QUIT", func() {})
		}
	}()
	if err := send(silent.Addr().String(), Config{Server: "made-up.onion", Password: "geheim"}); !errors.Is(err, fault.Later("mail.sign_in")) {
		t.Errorf("at a server that asks for no password: %v", err)
	}
	if err := send(open.Addr, Config{Server: "mail.example", Password: "wrong", Roots: open.Roots}); !errors.Is(err, fault.Later("mail.sign_in")) {
		t.Errorf("over TLS with a wrong password: %v", err)
	}
}
