package maillist_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/mail/mailtest"
	"kua/internal/spread"
	"kua/internal/spread/maillist"
	"kua/web"
)

const place = "news@lists.example"

// words speak every language; reading them takes long.
var words = sync.OnceValues(func() (*locale.Catalogue, error) { return locale.Load(web.Locales()) })

func kind(t *testing.T) maillist.Kind {
	t.Helper()
	cat, err := words()
	if err != nil {
		t.Fatal(err)
	}
	return maillist.Kind{Say: cat.T}
}

func at(s *mailtest.Server) []byte { return []byte("smtp://" + s.Addr + "/?from=post@kua.example\n") }

func message(id string) spread.Message {
	return spread.Message{Key: strings.Repeat(id[5:], 32), Record: id, Version: 1, Language: "ru", Title: "Избиение <b>& на базаре", Summary: "Двое избили водителя.\n\nОн жив.",
		Links: []spread.Link{{Words: "Запись:", URL: "https://kua.example.org/ru/r/0000/" + id + ".html?a=1&b=2"}, {Words: "Также:", URL: "http://made-up.onion/ru/r/0000/" + id + ".html"}, {Words: "Документ:", URL: "https://kua.example.org/records/0000/" + id + "/v1.json"}},
		Files: []spread.File{{What: spread.Film, Type: "video/mp4"}}}
}

// parts reads a letter's text and page.
func parts(t *testing.T, l mailtest.Letter) (head netmail.Header, text, page string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(l.Text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	in := multipart.NewReader(m.Body, params["boundary"])
	var all []string
	for {
		p, err := in.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.ReplaceAll(string(b), "\r\n", "\n"))
	}
	if len(all) != 2 {
		t.Fatalf("the letter has %d parts", len(all))
	}
	return m.Header, all[0], all[1]
}

// TestLetter has a real server take a letter that tells of two records, one of them
// corrected, and the one that says that a record is withdrawn: each to the list's
// address alone, as text and as a page that asks nobody for anything.
func TestLetter(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t, mailtest.Take, false)
	k := kind(t)
	c := spread.Channel{Kind: maillist.Name, Name: "CANARY-what-the-desk-calls-it", Place: place, Languages: []string{"ru", "kk"}}
	list, err := k.Open(c, at(server))
	if err != nil {
		t.Fatal(err)
	}
	one, two := message("000001"), message("000002")
	two.Correction = "Исправлена дата."
	for _, m := range []*spread.Message{&one, &two} {
		if *m, err = k.Fit(*m); err != nil || len(m.Files) != 0 {
			t.Fatalf("Fit = %+v, %v", m, err)
		}
	}
	letter, err := k.Gather(c, []spread.Message{one, two})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := k.Gather(c, []spread.Message{one, two}); err != nil || again.Digest() != letter.Digest() || again.Key != letter.Key {
		t.Errorf("the same posts give another letter: %+v, %v", again, err)
	}
	if other, err := k.Gather(c, []spread.Message{two}); err != nil || other.Key == letter.Key {
		t.Errorf("another letter has the same key: %v", err)
	}
	there, err := list.Send(t.Context(), letter)
	if err != nil {
		t.Fatal(err)
	}
	gone := spread.Message{Key: one.Key, Record: "000001", Version: 2, Language: "ru", Summary: "Просьба свидетеля.", Withdrawn: true, Links: one.Links[:1]}
	if err := list.Delete(t.Context(), there, gone); err != nil {
		t.Fatal(err)
	}
	gone.Withdrawn, gone.Summary = false, ""
	if err := list.Delete(t.Context(), there, gone); err != nil {
		t.Fatal(err)
	}
	all := server.Wait(t, 3)
	var ids []string
	for i, l := range all {
		head, text, page := parts(t, l)
		subject, err := new(mime.WordDecoder).DecodeHeader(head.Get("Subject"))
		if err != nil || len(l.To) != 1 || l.To[0] != place || len(head["Bcc"])+len(head["Cc"]) != 0 || head.Get("To") != "<"+place+">" {
			t.Errorf("letter %d goes to %v, %v", i, l.To, err)
		}
		ids = append(ids, head.Get("Message-Id"))
		for _, never := range []string{"<img", "<style", "<script", "<link", "src=", "CANARY", "<b>&"} {
			if strings.Contains(strings.ToLower(page), strings.ToLower(never)) {
				t.Errorf("the page of letter %d has %s:\n%s", i, never, page)
			}
		}
		if strings.Contains(subject, "Избиение") || !strings.Contains(subject, "000001") {
			t.Errorf("the subject of letter %d is %q", i, subject)
		}
		if strings.Contains(text, "«") || !strings.Contains(page, `<a href="https://kua.example.org/ru/r/0000/000001.html?a=1&amp;b=2" rel="noreferrer">`) {
			t.Errorf("letter %d:\n%s\n%s", i, text, page)
		}
		switch i {
		case 0:
			for _, want := range []string{"Избиение <b>& на базаре", "Исправлено: Исправлена дата.", "Также: http://made-up.onion/ru/r/0000/000002.html\n", k.Say("ru", "spread.mail.foot")} {
				if !strings.Contains(text, want) {
					t.Errorf("the letter lacks %q:\n%s", want, text)
				}
			}
			if !strings.HasPrefix(text, letter.Body) || head.Get("Message-Id") != "<"+there.ID+">" {
				t.Errorf("what went is not what was looked at:\n%s", text)
			}
		case 1:
			if !strings.HasPrefix(text, k.Say("ru", "spread.mail.withdrawn", "000001")+"\n\nПросьба свидетеля.") || head.Get("In-Reply-To") != "<"+there.ID+">" {
				t.Errorf("the withdrawal says:\n%s", text)
			}
		case 2:
			if !strings.HasPrefix(text, k.Say("ru", "spread.mail.taken_back", "000001")) {
				t.Errorf("what is taken back says:\n%s", text)
			}
		}
	}
	if ids[0] == ids[1] || ids[1] != ids[2] {
		t.Errorf("the letters are called %v", ids)
	}
	if _, err := list.Edit(t.Context(), there, one); err == nil {
		t.Error("a letter was changed")
	}
}

// TestOutcomes: what the server says decides what is known, and a line that broke at
// the letter's end leaves it unknown.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	k := kind(t)
	c := spread.Channel{Place: place, Languages: []string{"en"}}
	for manner, want := range map[mailtest.Manner]spread.Outcome{mailtest.Hang: spread.Unknown, mailtest.Refuse: spread.Refused, mailtest.Later: spread.NotDone} {
		list, err := k.Open(c, at(mailtest.Start(t, manner, false)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = list.Send(t.Context(), spread.Message{Key: "k", Title: "t", Body: "b", Language: "en"})
		var f *spread.Failure
		if !errors.As(err, &f) || f.Outcome != want {
			t.Errorf("%s: %v, want %s", manner, err, want)
		}
	}
	nobody, err := k.Open(c, []byte("smtp://127.0.0.1:1/?from=post@kua.example"))
	if err != nil {
		t.Fatal(err)
	}
	var f *spread.Failure
	if _, err := nobody.Send(t.Context(), spread.Message{Key: "k", Title: "t", Body: "b", Language: "en"}); !errors.As(err, &f) || f.Outcome != spread.NotDone {
		t.Errorf("nobody there: %v", err)
	}
	closed, err := k.Open(c, []byte("smtp://kua:wrong@"+mailtest.Start(t, mailtest.Auth, false).Addr+"/?from=post@kua.example"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closed.Send(t.Context(), spread.Message{Key: "k", Title: "t", Body: "b", Language: "en"}); !errors.As(err, &f) || f.Outcome != spread.NotDone || !errors.Is(f.Err, fault.Later("mail.sign_in")) {
		t.Errorf("with a wrong password: %v", err)
	}
}

// TestCheckList: what is no list, no server or no road is refused before anybody is
// called, and no error holds the password. Without Tor or another proxy no server
// sees where the desk is.
func TestCheckList(t *testing.T) {
	t.Parallel()
	bare := kind(t)
	through := bare
	through.Road = func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nobody was to be called")
	}
	good := "smtps://news%40example.org:CANARY%2Fword@mail.example.org/"
	for _, test := range []struct{ place, secret, want string }{
		{place, good, ""},
		{place, "smtp://mail.example.org:2525?from=Kua+News+%3Cnews@example.org%3E\n", ""},
		{place, "smtp://made-up.onion/?from=news@example.org", ""},
		{"no address", good, "mail.address"},
		{"a@b.example, c@b.example", good, "mail.address"},
		{"News <a@b.example>", good, "mail.address"},
		{place, "", "spread.mail.secret"},
		{place, "CANARY", "spread.mail.secret"},
		{place, "https://a:CANARY@mail.example.org/", "spread.mail.secret"},
		{place, "smtps://mail.example.org/", "spread.mail.secret"},
		{place, "smtps://a@b.example@mail.example.org/", "spread.mail.secret"},
		{place, "smtps://news:CANARY@mail.example.org/?from=a@b.example&bcc=x@y.example", "spread.mail.secret"},
		{place, "smtps://news:CANARY@mail.example.org/path", "spread.mail.secret"},
		{place, "smtps://news:CANARY@mail.example.org/?from=nobody", "mail.address"},
		{place, "smtps://news:CANARY@mail.example.org:0/?from=a@b.example", "mail.server"},
	} {
		err := through.Check(test.place, []byte(test.secret))
		if f, _ := fault.Of(err); (f == nil) != (test.want == "") || f != nil && f.Key != test.want {
			t.Errorf("Check(%q, %q) = %v, want %q", test.place, test.secret, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
	if err := bare.Check(place, []byte(good)); !errors.Is(err, fault.Forbidden("spread.mail.plain_road")) {
		t.Errorf("on the plain road: %v", err)
	}
	for id, want := range map[string]string{"<kua-1@b.example>": "kua-1@b.example", " kua-1@b.example ": "kua-1@b.example", "42": "", "": "", "a b@c": "", "<a@b>\r\nBcc: x@y": ""} {
		if got, err := bare.At(spread.Channel{}, id, ""); got.ID != want || (err == nil) != (want != "") {
			t.Errorf("At(%q) = %+v, %v", id, got, err)
		}
	}
}

func FuzzCheckList(f *testing.F) {
	f.Add("news@lists.example", "smtps://a:b@mail.example.org/?from=a@b.example")
	f.Fuzz(func(t *testing.T, place, secret string) {
		k := maillist.Kind{Say: func(_ locale.Tag, key string, _ ...any) string { return key }, Road: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }}
		if k.Check(place, []byte(secret)) == nil {
			if _, err := k.Open(spread.Channel{Place: place}, []byte(secret)); err != nil {
				t.Errorf("%q %q pass and do not open: %v", place, secret, err)
			}
		}
	})
}
