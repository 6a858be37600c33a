package site

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
)

func records(c *collective, from, to int) []record.Record {
	var rs []record.Record
	for n := from; n <= to; n++ {
		rs = append(rs, c.record(n))
	}
	return rs
}

// pages gives all pages of a tree.
func pages(tb testing.TB, tree string) map[string]string {
	tb.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(tree, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".html" {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(tree, name)
		all[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

var address = regexp.MustCompile(`\s(href|src|poster|srcset|data|action)="([^"]*)"`)

// TestEdition looks at every page of an edition: every address inside it leads
// somewhere, nothing is fetched from elsewhere, there is no script, the
// language is said, and nothing is heavier than a slow phone can bear.
func TestEdition(t *testing.T) {
	p := newPublisher(t)
	rs := records(p.c, 1, 60)
	p.publish(rs...)
	p.publish(next(t, rs[5], func(r *record.Record) {
		r.Correction = texts(newRand(1), r.Languages, 9)
	}), tombstone(t, rs[7]))
	if dir := os.Getenv("KUA_SITE_OUT"); dir != "" { // to look at it
		if err := os.CopyFS(dir, os.DirFS(p.tree())); err != nil {
			t.Fatal(err)
		}
	}
	styleSize := p.site.styleSize
	heaviest := map[string]int{}
	for name, html := range pages(t, p.tree()) {
		checkLinks(t, p.tree(), name, html)
		for _, bad := range []string{"<script", "<iframe", "<video", "<audio", "<object", "style=\"", " onload", "javascript:"} {
			if strings.Contains(html, bad) {
				t.Errorf("%s contains %s", name, bad)
			}
		}
		seg, _, _ := strings.Cut(name, "/")
		lang, ok := locale.Parse(seg)
		if ok && !strings.Contains(html, `<html lang="`+lang.HTML()+`" dir="ltr">`) {
			t.Errorf("%s does not say that it is %s", name, lang)
		}
		if there := "<meta http-equiv=\"onion-location\" content=\"http://" + torProject + "/" + name + "\">"; strings.Contains(html, "\n<title>") && lang != "" && !strings.Contains(html, there) {
			t.Errorf("%s does not name itself at the onion address", name)
		}
		kind := path.Base(path.Dir(name)) + "/" + path.Base(name)
		if strings.Contains(name, "/r/") {
			kind = "record"
		}
		n := best([]byte(html))
		heaviest[kind] = max(heaviest[kind], n)
		if n > maxHTML || n+styleSize > maxPage {
			t.Errorf("%s weighs %d bytes compressed", name, n)
		}
		if strings.Count(name, "/") == 1 && path.Base(name) == "index.html" && n+styleSize > maxFront {
			t.Errorf("front page %s and its stylesheet weigh %d bytes", name, n+styleSize)
		}
	}
	t.Logf("heaviest record page %d bytes compressed, front page %d, stylesheet %d", heaviest["record"], heaviest["kk/index.html"], styleSize)
}

func checkLinks(t *testing.T, tree, name, html string) {
	t.Helper()
	for _, m := range address.FindAllStringSubmatch(html, -1) {
		to := strings.ReplaceAll(m[2], "&amp;", "&")
		if strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "http://") {
			if m[1] != "href" || strings.Contains(html, `<link rel="stylesheet" href="`+m[2]) {
				t.Errorf("%s fetches %s", name, to)
			}
			continue
		}
		if m[1] == "action" || strings.Contains(to, "/keep/") {
			continue // the search of a node; single files, which servers make
		}
		to, _, _ = strings.Cut(to, "#")
		if to == "" {
			continue
		}
		target := path.Join(path.Dir(name), to)
		if strings.HasPrefix(to, "/") {
			target = strings.TrimPrefix(to, "/")
		}
		if _, err := os.Stat(filepath.Join(tree, filepath.FromSlash(target))); err != nil {
			t.Errorf("%s leads to %s, which is not there", name, target)
		}
	}
}

// TestManifest wants the manifest to name exactly the files of the tree.
func TestManifest(t *testing.T) {
	p := newPublisher(t)
	rs := records(p.c, 1, 60)
	p.publish(rs...)
	m := p.publish(tombstone(t, rs[1]), p.c.record(61))
	read := edition.FilesIn(os.DirFS(p.tree()))
	listed := map[string]string{}
	for _, part := range m.Parts {
		files, err := read(part)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			listed[f.Path] = f.SHA256
		}
	}
	there := snapshot(t, p.tree())
	for name := range there {
		if edition.PartOf(name) == "" {
			delete(there, name)
		}
	}
	if d := cmp.Diff(listed, there); d != "" {
		t.Errorf("manifest and tree differ (-manifest +tree):\n%s", d)
	}
	if m.Number != 2 || m.Records != 61 || m.Made != "2026-11-21T11:00:00Z" || m.FreshUntil != "2026-11-24T11:00:00Z" {
		t.Errorf("manifest says %d, %d records, %s to %s", m.Number, m.Records, m.Made, m.FreshUntil)
	}
}

// TestBatchesMakeTheSameSite publishes the same records at once and in several
// editions and wants the same files, but for those that count editions.
func TestBatchesMakeTheSameSite(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	build := func(p *publisher, batches ...[]record.Record) map[string]string {
		for _, b := range batches {
			p.publish(b...)
			p.size--    // no edition entries, so that the log's numbers agree
			p.made = at // nor times
		}
		files := snapshot(t, p.tree())
		for name := range files {
			if strings.HasPrefix(name, "parts/") || name == edition.ManifestPath || strings.Count(name, "/") == 1 && path.Base(name) == "index.html" {
				delete(files, name)
			}
		}
		return files
	}
	whole, pieces := newPublisher(t), newPublisher(t)
	pieces.c, whole.made, pieces.made = whole.c, at, at
	rs := records(whole.c, 1, 130)
	want := build(whole, rs)
	got := build(pieces, rs[:1], rs[1:49], rs[49:51], rs[51:100], rs[100:])
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("at once and in batches differ (-once +batches):\n%s", d)
	}
}

// TestRebuildChangesNothing renders everything anew from an edition and wants
// the same pages.
func TestRebuildChangesNothing(t *testing.T) {
	p := newPublisher(t)
	p.publish(records(p.c, 1, 55)...)
	before := snapshot(t, p.tree())
	in := p.input()
	in.Rebuild, in.Made = true, in.Made.Add(-time.Hour)
	if _, err := p.update(in); err != nil {
		t.Fatal(err)
	}
	for name := range snapshot(t, p.overlay()) {
		if strings.HasPrefix(name, "parts/") || name == edition.ManifestPath || strings.HasSuffix(name, "/index.html") && strings.Count(name, "/") == 1 {
			continue
		}
		t.Errorf("rebuilding changed %s (was there: %v)", name, before[name] != "")
	}
}

// TestCostDoesNotGrow counts the files that one more record writes.
func TestCostDoesNotGrow(t *testing.T) {
	p := newPublisher(t)
	p.publish(records(p.c, 1, 100)...)
	cost := func(n int) int {
		p.publish() // a heartbeat, so that the day's pages are as they will be
		if _, err := p.update(p.input(p.c.change(t, p.c.record(n)))); err != nil {
			t.Fatal(err)
		}
		return len(snapshot(t, p.overlay()))
	}
	small := cost(101)
	p.publish(records(p.c, 101, 400)...)
	large := cost(401)
	t.Logf("the 101st record writes %d files, the 401st %d", small, large)
	if large > small+120 { // words of a fresh page may split
		t.Errorf("the 401st record writes %d files, the 101st %d", large, small)
	}
}

func TestWithdraw(t *testing.T) {
	p := newPublisher(t)
	r := p.c.record(2)
	r.Title["ru"], r.Summary["ru"], r.Place.Words["ru"] = "Канарейка поёт", "Тайное слово зяблик", "Снегирёво"
	for l := range r.Title {
		if l != "ru" {
			r.Title[l], r.Place.Words[l] = "Kanareika", "Snegirevo"
		}
	}
	changed := next(t, r, func(n *record.Record) { n.Correction = texts(newRand(2), n.Languages, 5) })
	p.publish(p.c.record(1), r, p.c.record(3))
	p.publish(changed)
	p.publish(tombstone(t, changed))
	for name := range snapshot(t, p.tree()) {
		b, err := os.ReadFile(filepath.Join(p.tree(), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"анарейк", "anareika", "зяблик", "негирёв", "negirevo", "kanareika"} {
			if strings.Contains(string(b), word) {
				t.Errorf("%s still holds %q of the withdrawn record", name, word)
			}
		}
	}
	for _, f := range r.AllFiles() {
		if _, err := os.Stat(filepath.Join(p.tree(), f.Path())); err == nil {
			t.Errorf("%s of the withdrawn record is still there", f.Path())
		}
	}
	html := p.page("ru/r/0000/000002.html")
	for _, want := range []string{"Потерпевшая отозвала согласие.", "records/0000/000002/v3.json"} {
		if !strings.Contains(html, want) {
			t.Errorf("the tombstone's page lacks %q", want)
		}
	}
	if !strings.Contains(p.page("ru/list/1.html"), "/r/0000/000002.html") {
		t.Error("the list hides the withdrawn record")
	}
}

// TestSharedBlob withdraws one of two records that show the same film.
func TestSharedBlob(t *testing.T) {
	p := newPublisher(t)
	a, b := p.c.record(2), p.c.record(4)
	b.Languages = a.Languages
	b = p.c.record(6)
	b.Media[0].Files, b.Media[0].Poster = a.Media[0].Files, a.Media[0].Poster
	p.publish(a, b)
	film := filepath.Join(p.tree(), a.Media[0].Files[0].Path())
	p.publish(tombstone(t, a))
	if _, err := os.Stat(film); err != nil {
		t.Fatal("the film went away although another record shows it")
	}
	p.publish(tombstone(t, b))
	if _, err := os.Stat(film); err == nil {
		t.Fatal("the film stayed although no record shows it")
	}
}

func TestCorrection(t *testing.T) {
	p := newPublisher(t)
	r := p.c.record(4) // in Kazakh, Russian, Uzbek, English
	p.publish(r)
	better := next(t, r, func(n *record.Record) {
		n.Title = record.Text{"kk": "Жаңа тақырып", "ru": "Новый заголовок", "uz": "Yangi sarlavha", "en": "New headline"}
		n.Happened = record.Span{From: "2026-05-01", To: "2026-05-09"}
		n.Correction = record.Text{"kk": "Күні түзетілді", "ru": "Исправлена дата", "uz": "Sana tuzatildi", "en": "The date was wrong"}
		n.Day = "2026-11-20"
	})
	p.publish(better)
	html := p.page("en/r/0000/000004.html")
	for _, want := range []string{"New headline", "The date was wrong", "records/0000/000004/v1.json", "between 1 May 2026 and 9 May 2026"} {
		if !strings.Contains(html, want) {
			t.Errorf("the corrected record's page lacks %q", want)
		}
	}
	if strings.Contains(p.page("en/when/2025-12.html"), "000004") || !strings.Contains(p.page("en/when/2026-05.html"), "New headline") {
		t.Error("the record did not move to its new month")
	}
	if got := p.page("uz-cyrl/r/0000/000004.html"); !strings.Contains(got, "Янги сарлавҳа") || !strings.Contains(got, `<html lang="uz-Cyrl"`) {
		t.Error("the Cyrillic Uzbek page is not transliterated")
	}
	if got := p.page("tk/r/0000/000004.html"); !strings.Contains(got, `<h1 lang="ru">`) {
		t.Error("a page without words of its own does not say whose it shows")
	}
	again := next(t, better, func(n *record.Record) { n.Version = 5; n.Correction = better.Correction })
	if _, err := p.update(p.input(p.c.change(t, again))); !errors.Is(err, fault.Conflict("site.version_gap")) {
		t.Errorf("a version with a gap before it = %v, want site.version_gap", err)
	}
}

// TestLongRecord publishes the longest record there can be, in words that
// compress badly, and wants all of it on pages within their budget.
func TestLongRecord(t *testing.T) {
	for _, script := range []string{"kazakh", "random"} {
		t.Run(script, func(t *testing.T) {
			p := newPublisher(t)
			rng := newRand(3)
			text := func(n int) record.Text {
				if script == "kazakh" {
					return record.Text{"kk": strings.TrimSpace(string([]rune(prose(rng, "kk", n/6))[:n/2]))}
				}
				var b strings.Builder
				for range n - 1 {
					b.WriteRune(rune(0x4e00 + rng.IntN(20000)))
				}
				return record.Text{"kk": b.String()}
			}
			r := p.c.record(2)
			r.Languages, r.Title, r.Summary, r.Place.Words = []string{"kk"}, text(200), text(4000), text(200)
			r.Known, r.Claims, r.Answers, r.Media = nil, nil, nil, nil
			for i := range 12 {
				r.Known = append(r.Known, text(4000))
				r.Claims = append(r.Claims, record.Claim{Source: text(200), Words: text(4000)})
				m := p.c.film(2, fmt.Sprint(i), []string{"kk"}, rng)
				m.Label, m.Covered = text(400), text(400)
				r.Media = append(r.Media, m)
			}
			p.publish(r)
			all := ""
			parts := 0
			for name, html := range pages(t, p.tree()) {
				if strings.HasPrefix(name, "kk/r/") {
					all += html
					parts++
				}
				if n := best([]byte(html)); n > maxHTML {
					t.Errorf("%s weighs %d bytes compressed", name, n)
				}
			}
			t.Logf("%d parts", parts)
			for i, k := range r.Known {
				if ends := []rune(k["kk"]); !strings.Contains(all, string(ends[len(ends)-10:])) || !strings.Contains(all, string(ends[:10])) {
					t.Errorf("known %d is not on any part", i)
				}
			}
			shorter := next(t, r, func(n *record.Record) {
				n.Known, n.Claims, n.Media, n.Correction = nil, nil, nil, record.Text{"kk": "Қысқарды"}
			})
			p.publish(shorter)
			left, _ := filepath.Glob(filepath.Join(p.tree(), "kk/r/0000/000002*.html"))
			if len(left) >= parts {
				t.Errorf("the shorter version left %d parts", len(left))
			}
		})
	}
}

func TestFullListsOfLongTitles(t *testing.T) {
	p := newPublisher(t)
	rng := newRand(4)
	var rs []record.Record
	for n := 1; n <= 60; n++ {
		r := p.c.record(n)
		r.Languages = []string{"kk"}
		r.Summary, r.Known, r.Claims, r.Answers, r.Media = record.Text{"kk": "Мәтін"}, nil, nil, nil, nil
		var b strings.Builder
		for range 200 {
			b.WriteRune(rune(0x4e00 + rng.IntN(20000)))
		}
		r.Title, r.Place.Words = record.Text{"kk": b.String()}, record.Text{"kk": b.String()}
		rs = append(rs, r)
	}
	p.publish(rs...)
	for name, html := range pages(t, p.tree()) {
		if n := best([]byte(html)); n > maxHTML {
			t.Errorf("%s weighs %d bytes compressed", name, n)
		}
	}
}

func TestHeavyPoster(t *testing.T) {
	p := newPublisher(t)
	r := p.c.record(2)
	r.Media[0].Poster.Size = maxPoster + 1
	_, err := p.update(p.input(p.c.change(t, r)))
	if !errors.Is(err, fault.TooLarge("site.poster_too_heavy")) {
		t.Errorf("a heavy poster = %v, want site.poster_too_heavy", err)
	}
}

func TestBlobs(t *testing.T) {
	p := newPublisher(t)
	r := p.c.record(2)
	sum := r.Media[0].Files[0].SHA256
	good := p.c.blobs[sum]
	for name, c := range map[string]struct {
		bytes []byte
		want  *fault.Fault
	}{
		"missing":  {nil, fault.NotFound("site.blob_missing")},
		"tampered": {append([]byte("!"), good[1:]...), fault.Corrupt("site.blob_differs")},
		"cut":      {good[1:], fault.Corrupt("site.blob_differs")},
		"too long": {append(slices.Clone(good), '!'), fault.Corrupt("site.blob_differs")},
	} {
		if c.bytes == nil {
			delete(p.c.blobs, sum)
		} else {
			p.c.blobs[sum] = c.bytes
		}
		if _, err := p.update(p.input(p.c.change(t, r))); !errors.Is(err, c.want) {
			t.Errorf("%s: Update = %v, want %v", name, err, c.want)
		}
	}
}

func TestFeeds(t *testing.T) {
	p := newPublisher(t)
	p.publish(records(p.c, 1, 40)...)
	for _, lang := range locale.Tags() {
		b := p.page(lang.Path() + "/feed.atom")
		var feed atomFeed
		if err := xml.Unmarshal([]byte(b), &feed); err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		if len(b) > maxFeed || len(feed.Entries) < 10 || feed.ID == "" || feed.Title == "" || feed.Author.Name == "" || len(feed.Links) != 2 {
			t.Errorf("%s: feed of %d bytes with %d entries: %+v", lang, len(b), len(feed.Entries), feed)
		}
		seen := map[string]bool{}
		for _, e := range feed.Entries {
			if _, err := time.Parse(time.RFC3339, e.Updated); err != nil || seen[e.ID] || e.Title == "" || e.Summary == "" || !strings.HasPrefix(e.Link.Href, "https://kua.example/"+lang.Path()+"/r/") {
				t.Errorf("%s: bad entry %+v", lang, e)
			}
			seen[e.ID] = true
		}
		if got, want := feed.Entries[0].Link.Href, "https://kua.example/"+lang.Path()+"/r/0000/000040.html"; got != want {
			t.Errorf("%s: newest is %s, want %s", lang, got, want)
		}
		var j jsonFeed
		if err := json.Unmarshal([]byte(p.page(lang.Path()+"/feed.json")), &j); err != nil || j.Version != "https://jsonfeed.org/version/1.1" || len(j.Items) < 10 {
			t.Errorf("%s: JSON feed %+v, %v", lang, j, err)
		}
	}
}

// TestEmptyEdition publishes a charter alone.
func TestEmptyEdition(t *testing.T) {
	p := newPublisher(t)
	m := p.publish()
	if m.Number != 1 || m.Records != 0 {
		t.Errorf("manifest %+v", m)
	}
	for name, html := range pages(t, p.tree()) {
		if strings.Contains(html, "list/") {
			t.Errorf("%s leads to a list that is not there", name)
		}
		checkLinks(t, p.tree(), name, html)
	}
}

// TestLargeCharter publishes under a charter with as much of everything as one
// may have.
func TestLargeCharter(t *testing.T) {
	p := newPublisher(t)
	c := &p.c.newest
	for i := range 197 {
		person := c.People[0]
		person.Name = prose(newRand(uint64(i)), "kk", 3)
		raw := sha256.Sum256([]byte{byte(i)})
		person.PublishKey = base64.StdEncoding.EncodeToString(raw[:])
		c.People = append(c.People, person)
		c.Mirrors = append(c.Mirrors, fmt.Sprintf("https://mirror-%x.example/kua", raw[:6]))
		c.Nodes = append(c.Nodes, charter.Node{URL: fmt.Sprintf("https://node-%x.example", raw[6:12])})
	}
	for lang := range c.About {
		c.About[lang] = strings.TrimSpace(string([]rune(prose(newRand(5), "kk", 600))[:1900]))
	}
	p.publish(p.c.record(2))
	for name, html := range pages(t, p.tree()) {
		if n := best([]byte(html)); n > maxHTML {
			t.Errorf("%s weighs %d bytes compressed", name, n)
		}
	}
}

// TestWords walks the index of words by letters, as a reader does.
func TestWords(t *testing.T) {
	p := newPublisher(t)
	p.publish(records(p.c, 1, 150)...)
	r := p.c.record(151)
	r.Languages = []string{"kk"}
	r.Title, r.Summary, r.Place = record.Text{"kk": "Қарлығаш ұясы"}, record.Text{"kk": "x"}, record.Place{}
	r.Known, r.Claims, r.Answers, r.Media = nil, nil, nil, nil
	p.publish(r)
	at := "kk/search.html"
	for prefix := ""; !strings.Contains(p.page(at), "<dt>қарлығаш</dt>"); {
		prefix = longer("қарлығаш", prefix)
		to := (wordAt{locale.Kazakh, prefix}).address()
		if !strings.Contains(p.page(at), path.Base(to)) {
			t.Fatalf("%s does not lead on to %q", at, prefix)
		}
		at = "kk" + to
	}
	if !strings.Contains(p.page(at), "000151") {
		t.Errorf("%s does not name the record", at)
	}
}
