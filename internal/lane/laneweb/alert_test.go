package laneweb

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kua/internal/authority"
	"kua/internal/lane"
	"kua/internal/lane/deliver"
	"kua/internal/locale"
	"kua/internal/mail"
)

var alertPath = regexp.MustCompile(`https://kua\.example(/en/open/alert/[A-Z2-7]+)\b`)

// TestAlertPages: the feed stands first, what an address costs is said before it
// is asked for, opening a letter's link changes nothing, its button does, and one
// click of a mail program ends it, with the address.
func TestAlertPages(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		r.want("GET", "/en/open/alerts?area=south", nil, 200, "/en/open/feed?area=south", "This server sends no e-mail")
		r.want("POST", "/en/open/alerts", url.Values{"area": {"south"}, "address": {"reader@mail.example"}}, 409, "Use the feed")
		r.web.mails = true
		r.want("GET", "/en/open/area/south", nil, 200, "/en/open/alerts?area=south")
		r.want("GET", "/en/open/?area=south&what=manhole", nil, 200, "/en/open/alerts?area=south&amp;what=manhole\"", "/en/open/area/south\"")
		r.want("GET", "/en/open/", nil, 200, "/en/open/alerts?\"")
		body := r.want("GET", "/en/open/alerts?area=south", nil, 200, "Whoever seizes it", `value="south" selected`)
		if feed, form := strings.Index(body, "/feed?area=south"), strings.Index(body, "<form"); feed < 0 || feed > form {
			t.Error("the feed does not stand before the form")
		}
		id := r.tell("manhole", draft())
		r.want("GET", "/en/open/case/"+id, nil, 200, "/en/open/alerts?case="+id)
		r.want("GET", "/en/open/alerts?case="+id, nil, 200, "do not leave an address here", "Come back with your code")
		r.want("POST", "/en/open/alerts", url.Values{"area": {"south"}, "address": {"two@x.example, three@x.example"}}, 422, "no e-mail address", `value="two@x.example, three@x.example"`)
		r.want("POST", "/en/open/alerts", url.Values{"case": {"999"}, "address": {"reader@mail.example"}}, 404)
		held := draft("words", "Люк, выдумано, https://advert.example")
		resp, page := r.do("POST", "/en/open/send/manhole", held)
		if resp.StatusCode != 200 {
			t.Fatal(page)
		}
		waits := caseLink.FindStringSubmatch(page)[1]
		r.want("POST", "/en/open/alerts", url.Values{"case": {waits}, "address": {"reader@mail.example"}}, 404)

		wish := url.Values{"case": {id}, "address": {"reader@mail.example"}}
		first := r.want("POST", "/en/open/alerts", wish, 200, "is on its way")
		if strings.Contains(first, "reader@") {
			t.Error("the page that thanks holds the address")
		}
		var sent []mail.Message
		cat, err := words()
		check(t, err)
		worker, err := deliver.New(deliver.Config{Lane: r.lane, Catalogue: cat, Site: "https://kua.example", Mail: func(_ context.Context, m mail.Message) error {
			sent = append(sent, m)
			return m.Check()
		}})
		check(t, err)
		letter := func(n int) string {
			t.Helper()
			for {
				did, err := worker.Alert(t.Context())
				check(t, err)
				if !did {
					break
				}
			}
			if len(sent) != n {
				t.Fatalf("%d letters, want %d: %+v", len(sent), n, sent)
			}
			return sent[n-1].Text
		}
		path := alertPath.FindStringSubmatch(letter(1))[1]
		for range 2 {
			r.want("GET", path, nil, 200, "Report "+id, "Yes, write to me", `action="`+path+`"`)
		}
		if n, err := r.lane.CountAlerts(t.Context()); err != nil || n != (lane.AlertCount{Asked: 1}) {
			t.Errorf("looking at the link made it %+v, %v", n, err)
		}
		if again := r.want("POST", "/en/open/alerts", wish, 200); again != first {
			t.Error("the page tells that an address is known already")
		}
		r.want("POST", path, url.Values{}, 200, "It is confirmed")
		if again := r.want("POST", "/en/open/alerts", wish, 200); again != first {
			t.Error("the page tells that an address is confirmed already")
		}
		letter(1)
		r.move(id, delivered)
		if text := letter(2); !strings.Contains(text, path+"/end") || sent[1].Unsubscribe != "https://kua.example"+path+"/end" {
			t.Errorf("the letter cannot be ended: %q\n%s", sent[1].Unsubscribe, text)
		}
		r.want("GET", path+"/end", nil, 200, "erase my address")
		if resp, _ := r.do("POST", path+"/end", url.Values{"List-Unsubscribe": {"One-Click"}}, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != 403 {
			t.Errorf("another site's page ends it: %d", resp.StatusCode)
		}
		for range 2 {
			r.want("POST", path+"/end", url.Values{"List-Unsubscribe": {"One-Click"}}, 200, "It is over")
		}
		r.want("GET", path, nil, 404, "belongs to no e-mail")
		r.want("POST", path, url.Values{}, 404)
		if n, err := r.lane.CountAlerts(t.Context()); err != nil || n != (lane.AlertCount{}) {
			t.Errorf("after its end there are %+v, %v", n, err)
		}
	})
}

// TestAlertsAreFew: letters that ask addresses draw on a budget of their own.
func TestAlertsAreFew(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 10*alertShare).withCity()
	r.web.mails = true
	now := time.Now()
	r.web.letters.now = func() time.Time { return now }
	wish := url.Values{"area": {"south"}, "address": {"reader@mail.example"}}
	for range 10 {
		r.want("POST", "/en/open/alerts", wish, 200)
	}
	if resp, _ := r.do("POST", "/en/open/alerts", wish); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the eleventh of an hour's ten is answered with %d", resp.StatusCode)
	}
	r.tell("manhole", draft())
}

// FuzzAlert: whatever is given as an address is refused or can be written to.
func FuzzAlert(f *testing.F) {
	l, err := lane.Open(f.Context(), lane.Config{Dir: f.TempDir()})
	check(f, err)
	defer l.Close()
	_, _, _, err = l.Import(f.Context(), authority.Sample())
	check(f, err)
	for _, s := range []string{"a@b.example", "A B <a@b.example>", "\"a b\"@c.example", "a@b@c", "a@[127.0.0.1]", "x@y.example\r\nBcc: z@y.example", "ә@қ.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if l.AskAlert(t.Context(), lane.Wish{Address: address, Language: locale.English, Area: "south"}) != nil {
			return
		}
		m := mail.Message{To: strings.TrimSpace(address), Subject: "x", ID: "a@b.example", Text: "x"}
		if err := m.Check(); err != nil {
			t.Errorf("%q is taken and cannot be written to: %v", address, err)
		}
	})
}
