package nodeweb

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
)

func TestTokens(t *testing.T) {
	mine := newTokens()
	now := time.Date(2026, 11, 21, 12, 59, 0, 0, time.UTC)
	hours := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	wants := func(what string, err error, key string) {
		t.Helper()
		if key == "" && err != nil || key != "" && !errors.Is(err, fault.Conflict(key)) {
			t.Errorf("%s: %v, want %q", what, err, key)
		}
	}
	first, second, third, fourth := mine.token(now), mine.token(now), mine.token(now), mine.token(now)
	wants("of another process", newTokens().use(first, now), "open.old")
	wants("nothing", mine.use("", now), "open.old")
	wants("cut short", mine.use(first[:len(first)-8], now), "open.old")
	wants("another name", mine.use("AAAA"+first[4:], now), "open.old")
	wants("at once", mine.use(first, now), "")
	wants("again", mine.use(first, now), "open.used")
	mine.giveBack(first, now)
	wants("given back", mine.use(first, now), "")
	wants("the hour after", mine.use(second, hours(1)), "")
	wants("again, the hour after", mine.use(first, hours(1)), "open.used")
	wants("two hours later", mine.use(third, hours(2)), "open.old")
	wants("before its time", mine.use(fourth, hours(-1)), "open.old")

	late := hours(5)
	for range 2*mostUsed + 10 {
		wants("one of many", mine.use(mine.token(late), late), "")
	}
	last := mine.token(late)
	wants("the last", mine.use(last, late), "")
	wants("the last again", mine.use(last, late), "open.used")
	if n := len(mine.used[0]) + len(mine.used[1]); n > 2*mostUsed {
		t.Errorf("%d names are remembered", n)
	}
}

// TestOpenWordsAreNotLost: no stranger who asks for forms makes another's void, and
// whoever sends an old one, or comes while the server is busy, keeps their words.
func TestOpenWordsAreNotLost(t *testing.T) {
	r := newRoomWith(t, Options{Open: true})
	_, html := r.get("/kk" + OpenPath)
	token := tokenField.FindStringSubmatch(html)[1]
	for range 5000 {
		r.web.door.tokens.token(time.Now())
	}
	form := url.Values{"token": {newTokens().token(time.Now())}, "what": {"beating"}, "text": {"kanarejka-words"}, "fear": {"kanarejka-fear"}, "understood": {"1"}}
	refused := func(status int, key string) string {
		t.Helper()
		code, html := r.post(form)
		fresh := tokenField.FindStringSubmatch(html)
		if code != status || fresh == nil || !strings.Contains(html, ">kanarejka-words<") || !strings.Contains(html, "kanarejka-fear") || !strings.Contains(html, r.web.cat.T("kk", key)) {
			t.Fatalf("%s: %d\n%s", key, code, html)
		}
		return fresh[1]
	}
	if fresh := refused(409, "open.old"); r.web.door.tokens.use(fresh, time.Now()) != nil {
		t.Error("the form that came back with the words is void")
	}
	form.Set("token", token)
	for range openAtOnce {
		r.web.door.busy <- struct{}{}
	}
	refused(503, "open.busy")
	for range openAtOnce {
		<-r.web.door.busy
	}
	if code, html := r.post(form); code != 200 {
		t.Errorf("a form given out before 5000 others: %d\n%s", code, html)
	}
	if got := r.collect(); len(got) != 1 || got["kanarejka-words"] == nil {
		t.Errorf("%d reports arrived", len(got))
	}
}
