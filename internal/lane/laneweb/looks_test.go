package laneweb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/lane/deliver"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/mail"
	"kua/web"
)

// TestPagesInABrowser has Chromium look at what authorities pledge and announce, at alerts
// by e-mail, scoreboards, moderation, and an official's inbox, calendar and people: small and
// dark, or large and light. web/test/looks.mjs opens them.
func TestPagesInABrowser(t *testing.T) {
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t), Now: func() time.Time { return now }}, 0).withCity()
	ctx := t.Context()
	r.web.mails = true
	posted := func(m lane.Matter, words string, begins, ends appeal.Day) string {
		t.Helper()
		id, err := r.lane.AddPost(ctx, lane.Post{Matter: m, By: lane.ByOfficial, Authority: "water", Area: "south", Language: locale.Russian, Words: words, Begins: begins, Ends: ends})
		check(t, err)
		return strconv.FormatInt(id, 10)
	}
	late := posted(lane.Pledge, "Починим водокачку у школы и проверим давление во всём Южном районе, выдумано", "", "2026-09-01")
	posted(lane.Pledge, "Закроем все люки, выдумано", "", "2026-11-30")
	for i := range 3 {
		d := lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: locale.Russian, Words: "Открытый люк, выдумано", Area: "south", Answers: map[string][]string{"cover": {"gone"}}}
		_, err := r.lane.Submit(ctx, d)
		check(t, err)
		check(t, r.lane.Attest(ctx, d.Code, 0, lane.Entry{Act: appeal.Submitted, Day: "2026-06-01", Authority: "water"}))
		for n, e := range []lane.Entry{{Act: appeal.Registered, Day: "2026-06-02", Note: lane.Note{Number: "1"}}, {Act: appeal.Answered, Day: "2026-06-03"}}[:i] {
			check(t, r.lane.Attest(ctx, d.Code, int64(n+1), e))
		}
	}
	now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	off := posted(lane.Announcement, "Воды не будет с 9 до 18 часов: меняем задвижку, выдумано", "2026-11-28", "2026-12-02")
	official, _ := r.hired("water", "Aliya Headova", true), r.hired("water", "Bolat Deskov", false)

	check(t, r.lane.AskAlert(ctx, lane.Wish{Address: "reader@mail.example", Language: locale.English, Area: "south"}))
	var asked mail.Message
	cat, err := words()
	check(t, err)
	worker, err := deliver.New(deliver.Config{Lane: r.lane, Catalogue: cat, Site: "https://kua.example", Mail: func(_ context.Context, m mail.Message) error { asked = m; return nil }})
	check(t, err)
	_, err = worker.Alert(ctx)
	check(t, err)
	confirm := alertPath.FindStringSubmatch(asked.Text)[1]

	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	see := func(session string, pages ...string) {
		t.Helper()
		inTime, cancel := context.WithTimeout(ctx, 8*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(inTime, "node", append([]string{"test/looks.mjs", server.URL, session}, pages...)...)
		cmd.Dir = "../../../web"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("node: %v\n%s", err, out)
		}
	}
	see("", "alerts=/ru/open/alerts?area=south", "alert=/ru"+confirm[len("/en"):], "alert-end="+confirm+"/end", "pledge=/ru/open/case/"+late, "announcement=/ru/open/case/"+off,
		"authority=/ru/open/authority/water", "area=/ru/open/area/south", "appeals=/ru/open/appeals/category", "appeals-one=/kk/open/appeals/area/south", "moderation=/ru/open/moderation")
	see(official.session, "inbox=/ru/open/office/", "calendar=/ru/open/office/calendar", "board=/ru/open/office/board", "people=/ru/open/office/people")
}
