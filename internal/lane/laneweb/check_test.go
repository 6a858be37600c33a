package laneweb

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/web"
)

var checkPicture = regexp.MustCompile(`/en/open/check/[\w-]+/\d+/picture/[0-9a-f]{64}\.jpg`)

// TestCheckersPages goes a checker's way: the queue, a report with what nobody
// else sees, letting through, withdrawing, merging with a look at both, and
// another look. Looking changes nothing; who decided is on no other page.
func TestCheckersPages(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		token, who, err := r.lane.AddChecker(ctx, "Gülnara of the desk", 7)
		check(t, err)
		at := "/en/open/check/" + token
		p, err := r.lane.AddPicture(ctx, bytes.NewReader(lanetest.Photo(t, 120, 90, 9)))
		check(t, err)
		f := draft("words", "Люк открыт, звоните 8 701 123 45 67", "area", "", "point", "45.05, 65.15", "picture", p.Hash)
		r.want("POST", "/en/open/review/manhole", f, 200, "looks at it first, because", "a telephone")
		body := r.want("POST", "/en/open/send/manhole", f, 200, "It is sent", "a telephone", "Until then everybody sees only that a report waits")
		id := caseLink.FindStringSubmatch(body)[1]
		public, mine := "/en/open/case/"+id, url.Values{"code": f["code"]}
		unseen := func() {
			t.Helper()
			if body := r.want("GET", public, nil, 200); strings.Contains(body, "звоните") {
				t.Error("everybody reads what waits")
			}
			r.want("GET", "/en/open/picture/"+p.Hash+".jpg", nil, 404)
		}
		unseen()
		r.want("POST", "/en/open/mine", mine, 200, "looks at it first, because", "a telephone")

		resp, queue := r.get(at)
		if resp.Header.Get("X-Robots-Tag") == "" || resp.Header.Get("Referrer-Policy") != "no-referrer" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the checker's page is sent with %v", resp.Header)
		}
		if !strings.Contains(queue, "For a first look: 1") || !strings.Contains(queue, "Found: 8 701 123 45 67") {
			t.Errorf("the queue:\n%s", queue)
		}
		one := r.want("GET", at+"/"+id, nil, 200, "45.05", "Water", "Let it through", "Withdraw it", "Merge: look at both", "Leave it, show the next")
		shots := checkPicture.FindAllString(one, -1)
		if len(shots) != 2 {
			t.Fatalf("the page of a checker shows %v", shots)
		}
		for _, s := range shots {
			if resp, _ := r.get(s); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/jpeg" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("GET %s: %d %v", s, resp.StatusCode, resp.Header)
			}
			r.want("GET", strings.Replace(s, token, "x"+token[1:], 1), nil, 404)
		}
		r.want("GET", at+"/"+id+"/picture/"+strings.Repeat("a", 64)+".jpg", nil, 404)
		if got := r.state(idOf(t, id)); len(got) != 1 || got[0] != lane.AwaitingCheck {
			t.Fatalf("looking changed it: %v", got)
		}
		unseen()

		decide := func(id string, status int, seen string, fields ...string) string {
			t.Helper()
			form := url.Values{"seen": {seen}}
			for i := 0; i < len(fields); i += 2 {
				form.Set(fields[i], fields[i+1])
			}
			return r.want("POST", at+"/"+id, form, status)
		}
		decide(id, 422, "1", "do", "withdraw", "reason", "x")
		if kept := decide(id, 422, "1", "do", "withdraw", "ground", "persons", "reason", "из-за 8 701 123 45 67"); !strings.Contains(kept, "из-за 8 701") || !strings.Contains(kept, `value="persons" selected`) {
			t.Error("what was typed and not taken is lost")
		}
		decide(id, 409, "0", "do", "pass")
		decide(id, 422, "1", "do", "burn")
		decide(id, 303, "1", "do", "withdraw", "ground", "persons", "reason", "Уберите номер и сообщите снова")
		r.want("GET", at+"?done=1", nil, 200, "Your decision stands", "For a first look: 0")
		body = r.want("GET", public, nil, 200, "the collective", "It holds data of persons.", "Уберите номер")
		if strings.Contains(body, who.Name) || strings.Contains(body, "звоните") {
			t.Error("the public page tells who decided, or what was withdrawn")
		}
		unseen()

		// Another look, asked for once.
		body = r.want("POST", "/en/open/mine", mine, 200, "Ask for another look")
		mine.Set("again", "Это номер аварийной службы")
		body = r.want("POST", "/en/open/again", mine, 200, "You asked for another look")
		if strings.Contains(body, who.Name) {
			t.Error("the holder sees who decided")
		}
		r.want("POST", "/en/open/again", mine, 409, "Another look was asked for already")
		r.want("GET", at, nil, 200, "For another look: 1")
		r.want("GET", at+"/"+id, nil, 200, "asks for another look", "аварийной службы", "Line 2 was decided by Gülnara of the desk")
		decide(id, 303, "3", "do", "pass")
		r.want("GET", public, nil, 200, "звоните", "45.05", "Это номер аварийной службы")
		r.want("GET", "/en/open/picture/"+p.Hash+".jpg", nil, 200)

		// Merged, after a look at both: one that is under way as well.
		twin := r.tell("manhole", draft("area", "", "point", "45.0501, 65.1501"))
		r.want("GET", at+"?report="+twin, nil, 303)
		r.want("GET", at+"/"+twin, nil, 200, "?into="+id)
		r.want("GET", at+"/"+twin+"?into=999", nil, 404)
		r.want("GET", at+"/"+twin+"?into="+twin, nil, 409)
		r.want("GET", at+"/"+twin+"?into="+id, nil, 200, "Report "+twin+": ends here", "Report "+id+": stays", "Merge report "+twin+" into report "+id)
		decide(twin, 303, "1", "do", "merge", "into", id)
		r.want("GET", "/en/open/case/"+twin, nil, 200, "joined with another", "→ "+id)

		r.want("GET", "/en/open/moderation", nil, 200, "Reports that came to wait</th><td class=\"n\">1<", "Let through</th><td class=\"n\">1<", "It holds data of persons.</th><td class=\"n\">1<")

		// Of another kind than an authority's link, and void at once.
		r.want("GET", "/en/open/at/"+token, nil, 404)
		q, err := r.lane.Request(ctx, idOf(t, id))
		check(t, err)
		official, _, err := r.lane.Link(ctx, q.Assignments[0].Number)
		check(t, err)
		r.want("GET", "/en/open/check/"+official, nil, 404)
		r.want("POST", "/en/open/check/"+official+"/"+id, url.Values{"do": {"pass"}, "seen": {"1"}}, 404)
		check(t, r.lane.RevokeChecker(ctx, who.Number))
		for _, path := range []string{at, at + "/" + id, shots[0]} {
			r.want("GET", path, nil, 403)
		}
		r.want("POST", at+"/"+id, url.Values{"do": {"merge"}, "seen": {"4"}, "into": {twin}}, 403)
	})
}

func idOf(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	check(t, err)
	return n
}

// TestCheckingInABrowser has Chromium be a checker on a small phone.
// web/test/check.mjs is the person.
func TestCheckingInABrowser(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	p, err := r.lane.AddPicture(t.Context(), bytes.NewReader(lanetest.Photo(t, 120, 90, 9)))
	check(t, err)
	held := func(f url.Values) string {
		return caseLink.FindStringSubmatch(r.want("POST", "/en/open/send/manhole", f, 200))[1]
	}
	stays := r.tell("manhole", draft())
	one := held(draft("words", "Люк открыт, звоните 8 701 123 45 67", "area", "", "point", "45.05, 65.15", "picture", p.Hash))
	twin := held(draft("words", "Люк открыт, подробности на lyuk.example.kz"))
	token, _, err := r.lane.AddChecker(t.Context(), "A. M.", 1)
	check(t, err)
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/check.mjs", server.URL, token, one, twin, stays)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
}
