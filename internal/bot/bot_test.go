package bot_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"kua/internal/bot"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/spread/telegram/telegramtest"
	"kua/web"
)

const (
	token = "1234567890:CANARY-made-up-token_of-nobody-00000"
	onion = "http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
)

// words speak every language; reading them takes long.
var words = sync.OnceValues(func() (*locale.Catalogue, error) { return locale.Load(web.Locales()) })

func say(t *testing.T) bot.Say {
	t.Helper()
	cat, err := words()
	ok(t, err)
	return cat.T
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// published makes an edition with some records and the addresses that a page's foot
// would name.
func published(t testing.TB) *editiontest.Collective {
	t.Helper()
	c := editiontest.New(t)
	c.Media = func(string) []editiontest.M { return []editiontest.M{{Rung: "144p", Type: "video/mp4", Size: 10}} }
	c.Mirror(t, "https://kua.example.org", onion)
	rs := c.Records(t, 1, 12)
	rs[2].Title, rs[2].Summary = record.Text{"kk": "Қорғас базары", "ru": "Базар в Хоргосе"}, record.Text{"kk": "Не болды.", "ru": strings.Repeat("Очень длинный рассказ 😀. ", 140)}
	rs[2].Languages, rs[2].Place = []string{"kk", "ru"}, record.Place{Words: record.Text{"kk": "Қорғас", "ru": "Хоргос"}}
	c.Publish(t, rs...)
	c.Publish(t, c.Withdrawal(t, "000004"))
	return c
}

// TestReadersAreAnswered: the greeting warns before anything else, records are found by number
// and by words however they are typed, and whatever is no question is refused with
// the addresses of the report page. Nothing is longer than a message can be.
func TestReadersAreAnswered(t *testing.T) {
	t.Parallel()
	c := published(t)
	shelf, err := bot.Open(c.Dir, "")
	ok(t, err)
	s := say(t)
	now := editiontest.Now.Add(time.Hour)
	long := strings.Repeat("улика ", 2000)
	for _, test := range []struct {
		asked string
		lang  locale.Tag
		want  []string
		not   string
	}{
		{"/start", "ru", []string{s("ru", "bot.warning"), onion + "/ru/report.html", "https://kua.example.org/ru/report.html", "/r_000012_ru", "/start_uz_cyrl", "/search_ru"}, "/r_000003"},
		{"/start_kk@made_up_bot", "ru", []string{s("kk", "bot.warning"), "/r_000012_kk"}, s("ru", "bot.warning")},
		{"/new", "tg", []string{"/r_000012_tg", "/r_000003_tg", s("tg", "bot.more", 2)}, "/r_000002_tg"},
		{"/search_ru хоргос баз", "en", []string{"/r_000003_ru", "Базар в Хоргосе"}, "/r_000005"},
		{"/search коргас", "kk", []string{"/r_000003_kk"}, "/r_000005"}, // typed on a Russian keyboard
		{"/search орғас", "kk", []string{s("kk", "bot.none")}, "/r_"},   // a word's middle begins nothing
		{"/search", "ru", []string{s("ru", "bot.search", "/search_ru")}, "/r_"},
		{"/search " + long, "ru", []string{s("ru", "bot.none")}, "/r_"},
		{"3", "ru", []string{"Базар в Хоргосе", "https://kua.example.org/ru/r/0000/000003.html", onion + "/ru/r/0000/000003.html", "https://kua.example.org/records/0000/000003/v1.json"}, "000004"},
		{" №000003 ", "kk", []string{"Қорғас базары"}, ""},
		{"/r_000003_uz_cyrl", "ru", []string{"/uz-cyrl/r/0000/000003.html"}, ""},
		{"/r 3", "kk", []string{"Қорғас базары"}, ""},
		{"/r_000004", "kk", []string{s("kk", "bot.withdrawn", "000004", locale.Kazakh.Date("2026-11-21")), "Куәнің өтініші."}, "Алматы"},
		{"999", "ru", []string{s("ru", "bot.no_record", "000999")}, "/r_"},
		{"", "ru", []string{s("ru", "bot.refused"), onion + "/ru/report.html"}, "/r_"},
		{long, "ru", []string{s("ru", "bot.refused"), onion + "/ru/report.html"}, "улика"},
		{"/nonsense", "ru", []string{s("ru", "bot.refused")}, ""},
		{"/r_../../etc", "ru", []string{s("ru", "bot.refused")}, ""},
		{"1234567", "ru", []string{s("ru", "bot.refused")}, ""},
	} {
		got := shelf.Answer(s, test.asked, test.lang, now)
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%.40q in %s lacks %q:\n%s", test.asked, test.lang, want, got)
			}
		}
		if test.not != "" && strings.Contains(got, test.not) {
			t.Errorf("%.40q in %s has %q:\n%s", test.asked, test.lang, test.not, got)
		}
	}
	for _, tag := range locale.Tags() {
		for _, asked := range []string{"/start", "/new", "3", ""} {
			if got := shelf.Answer(s, asked, tag, now); len(utf16.Encode([]rune(got))) > 4096 || strings.Contains(got, "«bot.") {
				t.Errorf("%q in %s: %s", asked, tag, got)
			}
		}
		if got := shelf.Answer(s, "/start", tag, now); !strings.HasPrefix(got, s(tag, "bot.warning")) {
			t.Errorf("the greeting in %s does not begin with the warning: %s", tag, got)
		}
	}
	if got := shelf.Answer(s, "/new", "ru", now.AddDate(0, 1, 0)); !strings.Contains(got, s("ru", "bot.old")) {
		t.Errorf("an old copy does not say so: %s", got)
	}
}

func FuzzQuestion(f *testing.F) {
	for _, s := range []string{"/start", "/r_000001_uz_cyrl", "/search_ru a\x00", "№ 7", "/_", "/r_", "😀"} {
		f.Add(s, "ru")
	}
	c := published(f)
	shelf, err := bot.Open(c.Dir, "")
	ok(f, err)
	bare := func(_ locale.Tag, key string, _ ...any) string { return key }
	f.Fuzz(func(t *testing.T, asked, lang string) {
		tag, ok := locale.Parse(lang)
		if got := shelf.Answer(bare, asked, tag, editiontest.Now); ok && (got == "" || len(utf16.Encode([]rune(got))) > 4096) {
			t.Errorf("%q gets %q", asked, got)
		}
	})
}

// TestShelf: an edition of which a document was changed, that nobody signed, of other
// people, or that is older than the one before, is not answered from.
func TestShelf(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 2)...)
	old := editiontest.Copy(t, c.Dir)
	shelf, err := bot.Open(c.Dir, "")
	ok(t, err)
	if next, err := shelf.Next(); next != shelf || err != nil {
		t.Errorf("the same edition gives %v, %v", next == shelf, err)
	}
	c.Publish(t, c.Record(t, "000003"))
	next, err := shelf.Next()
	ok(t, err)
	if number, records := next.Edition(); number != 2 || records != 3 {
		t.Errorf("the next edition is %d with %d records", number, records)
	}
	ok(t, os.RemoveAll(c.Dir))
	ok(t, os.CopyFS(c.Dir, os.DirFS(old)))
	if now, err := next.Next(); now != next || !errors.Is(err, fault.Conflict("bot.older")) {
		t.Errorf("an older edition gives %v", err)
	}
	if _, err := bot.Open(c.Dir, strings.Repeat("0", 64)); err == nil {
		t.Error("an edition of other people than those that are trusted is opened")
	}
	if _, err := bot.Open(filepath.Join(c.Dir, "nowhere"), ""); !errors.Is(err, fault.NotFound("bot.no_edition")) {
		t.Errorf("no folder: %v", err)
	}
	doc := filepath.Join(c.Dir, record.Path("000002", 1))
	b, err := os.ReadFile(doc)
	ok(t, err)
	ok(t, os.WriteFile(doc, []byte(strings.Replace(string(b), "Алматы", "Астана", 1)), 0o600))
	if _, err := bot.Open(c.Dir, ""); !errors.Is(err, fault.Corrupt("bot.lacks")) {
		t.Errorf("a changed document: %v", err)
	}
	ok(t, os.WriteFile(doc, b, 0o600))
	sigs, err := filepath.Glob(filepath.Join(c.Dir, "manifest.json.*.sig"))
	ok(t, err)
	ok(t, os.Remove(sigs[0]))
	if _, err := bot.Open(c.Dir, ""); !errors.Is(err, fault.Forbidden("edition.not_signed")) {
		t.Errorf("a manifest with one signature of two: %v", err)
	}
}

// TestBotKeepsNothing runs a bot against a Bot API server: people are answered each in their
// language, a film is refused and never fetched, groups, bots and old questions get
// nothing, too many questions neither; a newer edition comes by itself; and nothing
// of who asked, or what, is told or written anywhere.
func TestBotKeepsNothing(t *testing.T) {
	t.Parallel()
	c := published(t)
	f := telegramtest.Start("@made_up_channel", token)
	t.Cleanup(f.Close)
	shelf, err := bot.Open(c.Dir, "")
	ok(t, err)
	before := files(t, c.Dir)
	var mu sync.Mutex
	var told []string
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- bot.Serve(ctx, bot.Config{Token: []byte(token), Server: f.URL, HTTP: &http.Client{Transport: new(http.Transport)}, Say: say(t), Now: time.Now, Again: 20 * time.Millisecond,
			Tell: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					told = append(told, "well")
				} else {
					told = append(told, err.Error())
				}
			}}, shelf)
	}()
	wait := func(what string, done func() bool) {
		t.Helper()
		for range 1000 {
			if done() {
				return
			}
			time.Sleep(5 * time.Millisecond) // the bot's own goroutine: there is nothing else to wait for
		}
		t.Fatalf("in vain: %s", what)
	}
	s := say(t)
	f.Asks(7001, map[string]any{"text": "/start"})
	f.Asks(7002, map[string]any{"text": "3", "from": map[string]any{"id": 7002, "is_bot": false, "first_name": "CANARY-name", "language_code": "kk-KZ"}})
	film := map[string]any{"file_id": "CANARY-film", "file_unique_id": "u", "width": 1, "height": 1, "duration": 1}
	f.Asks(7003, map[string]any{"video": film, "caption": "CANARY-caption"})
	f.Asks(7003, map[string]any{"photo": []any{map[string]any{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1}}, "media_group_id": "g"})
	f.Asks(7003, map[string]any{"photo": []any{map[string]any{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1}}, "media_group_id": "g"})
	f.Asks(-100, map[string]any{"text": "/start", "chat": map[string]any{"id": -100, "type": "supergroup"}})
	f.Asks(7004, map[string]any{"text": "/start", "from": map[string]any{"id": 7004, "is_bot": true, "first_name": "b"}})
	f.Asks(7005, map[string]any{"text": "/start", "date": time.Now().Add(-time.Hour).Unix()})
	for range 20 {
		f.Asks(7006, map[string]any{"text": "/new"})
	}
	f.Asks(7007, map[string]any{"text": "/new"})
	wait("the last question", func() bool { return len(f.Answers(7007)) == 1 })
	if got := f.Answers(7001); len(got) != 1 || !strings.HasPrefix(got[0], s("ru", "bot.warning")) {
		t.Errorf("the greeting: %q", got)
	}
	if got := f.Answers(7002); len(got) != 1 || !strings.Contains(got[0], "Қорғас базары") {
		t.Errorf("the record: %q", got)
	}
	if got := f.Answers(7003); len(got) != 2 || !strings.HasPrefix(got[0], s("ru", "bot.refused")) || !strings.Contains(got[1], onion+"/ru/report.html") {
		t.Errorf("a film and an album: %q", got)
	}
	for _, silent := range []int64{-100, 7004, 7005} {
		if got := f.Answers(silent); len(got) != 0 {
			t.Errorf("%d gets %q", silent, got)
		}
	}
	if got := f.Answers(7006); len(got) != 13 || got[12] != s("ru", "bot.slow") {
		t.Errorf("twenty questions get %d answers, the last %q", len(got), got[len(got)-1])
	}
	if got := f.Called(); !slices.Equal(got, []string{"sendMessage"}) {
		t.Errorf("beside getUpdates it called %v", got)
	}
	if after := files(t, c.Dir); !maps.Equal(before, after) {
		t.Error("the folder is not as it was")
	}

	f.GoesWrong("502")
	f.Asks(7008, map[string]any{"text": "/new"})
	wait("an answer after trouble", func() bool { return len(f.Answers(7008)) == 1 })
	c.Publish(t, c.Record(t, "000099"))
	wait("the next edition", func() bool {
		f.Asks(7009, map[string]any{"text": "99"})
		all := f.Answers(7009)
		return len(all) > 0 && strings.Contains(all[len(all)-1], "Алматы")
	})
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(told, "\n")
	if !strings.Contains(all, "bot.unreachable") || strings.Contains(all, "CANARY") || strings.Contains(all, "700") {
		t.Errorf("it told %q", told)
	}
}

func files(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	all := make(map[string]int64)
	ok(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			all[path] = info.ModTime().UnixNano()
		}
		return err
	}))
	return all
}

// TestBotRefuses: a token that Telegram does not know ends the bot; a road on which
// everybody could read it is not taken; a second bot with the same token is told.
func TestBotRefuses(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Record(t, "000001"))
	f := telegramtest.Start("@made_up_channel", token)
	t.Cleanup(f.Close)
	shelf, err := bot.Open(c.Dir, "")
	ok(t, err)
	for _, test := range []struct{ token, server, want string }{
		{strings.Replace(token, "CANARY", "CANART", 1), f.URL, "spread.telegram.token"},
		{"no token", f.URL, "spread.telegram.token_shape"},
		{token, "http://telegram.example", "spread.telegram.server"},
	} {
		err := bot.Serve(t.Context(), bot.Config{Token: []byte(test.token), Server: test.server, HTTP: &http.Client{Transport: new(http.Transport)}, Say: say(t), Now: time.Now, Tell: func(error) {}}, shelf)
		if got, _ := fault.Of(err); got == nil || got.Key != test.want || strings.Contains(err.Error(), "CANAR") {
			t.Errorf("%.12s: %v, want %s", test.token, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.GoesWrong("409")
	var told error
	err = bot.Serve(ctx, bot.Config{Token: []byte(token), Server: f.URL, HTTP: &http.Client{Transport: new(http.Transport)}, Say: say(t), Now: time.Now,
		Tell: func(err error) { told = err; cancel() }}, shelf)
	if err != nil || !errors.Is(told, fault.Conflict("bot.twice")) {
		t.Errorf("two at once: %v, told %v", err, told)
	}
}
