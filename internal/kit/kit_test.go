package kit

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"kua/internal/canon"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/verify"
	"kua/web"
)

const at = "https://kua.example.org"

// english is a record's language beside Kazakh.
const english = "en"

var vtt = []byte("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nҚұжаттарыңыз &lt;қайда&gt;?\n\n00:00:03.000 --> 00:00:04.000\n— Міне.\n")

// made is the one maker of all tests: reading every language takes long.
var made = sync.OnceValues(func() (*Maker, error) {
	cat, err := locale.Load(web.Locales())
	if err != nil {
		return nil, err
	}
	return NewMaker(cat)
})

func newMaker(t testing.TB) *Maker {
	t.Helper()
	m, err := made()
	check(t, err)
	return m
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// published makes an edition with record 000001: a film in three steps, one of them
// too large for a messenger, and subtitles. All of it is made up.
func published(t testing.TB) *editiontest.Collective {
	t.Helper()
	c := editiontest.New(t)
	c.Media = func(string) []editiontest.M {
		return []editiontest.M{
			{Rung: "poster", Type: "image/jpeg", Size: 900}, {Rung: "audio", Type: "audio/webm", Size: 5_000}, {Rung: "144p", Type: "video/mp4", Size: 9_000},
			{Rung: "240p", Type: "video/mp4", Size: 30_000}, {Rung: "480p", Type: "video/mp4", Size: 16_000_001}, {Rung: "captionskk", Type: "text/vtt", Bytes: vtt},
		}
	}
	rec := c.Record(t, "000001")
	rec.Languages = []string{"kk", english}
	rec.Title[english], rec.Summary[english] = "A stop at a <made-up> post", strings.Repeat("What the film shows, told at length. ", 100)
	rec.Summary["kk"] = strings.Repeat("Фильмде не көрінетіні ұзақ айтылған. ", 100)
	rec.Place.Words = record.Text{"kk": "Алматы маңы", english: "near Almaty"}
	c.Publish(t, rec)
	return c
}

func open(t testing.TB, dir string) Source {
	t.Helper()
	src, err := verify.Dir(dir)
	check(t, err)
	s, err := Open(t.Context(), src, "000001", at)
	check(t, err)
	return s
}

// write gives all files of a kit.
func write(t testing.TB, m *Maker, s Source) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	_, err := m.Write(t.Context(), s, locale.English, func(path string, in io.Reader) error {
		b, err := io.ReadAll(in)
		files[path] = b
		return err
	})
	check(t, err)
	return files
}

// TestKit holds a kit's files against the edition they came from, its words against
// every network's limits, and its list of hashes against itself.
func TestKit(t *testing.T) {
	m, c := newMaker(t), published(t)
	s := open(t, c.Dir)
	files := write(t, m, s)

	media := make(map[string]bool)
	for _, f := range s.Record.AllFiles() {
		media[f.SHA256] = true
	}
	var hashes strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(string(files[HashesFile])), "\n") {
		sum, name, _ := strings.Cut(line, "  ")
		if sum != canon.Hash(files[name]) {
			t.Errorf("the hash of %s is not that of its bytes", name)
		}
		hashes.WriteString(name + "\n")
		if strings.HasPrefix(name, "media/") && !strings.HasSuffix(name, ".srt") && !media[sum] {
			t.Errorf("%s is none of the record's files", name)
		}
	}
	if n := strings.Count(hashes.String(), "\n"); n != len(files)-1 {
		t.Errorf("%d files are listed, the kit has %d", n, len(files))
	}
	for name, want := range map[string]string{
		"media/1.kk.vtt":       string(vtt),
		"media/1.kk.srt":       "1\n00:00:01,000 --> 00:00:02,500\nҚұжаттарыңыз ‹қайда›?\n\n2\n00:00:03,000 --> 00:00:04,000\n— Міне.\n",
		"youtube/en.title.txt": "A stop at a ‹made-up› post\n", "facebook/en.title.txt": "A stop at a <made-up> post\n",
	} {
		if got := string(files[name]); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, holds := range map[string]string{
		"youtube/READ-ME.txt": "media/1-480p.mp4", "whatsapp/READ-ME.txt": "media/1-240p.mp4", "vk/READ-ME.txt": "NOT CONFIRMED",
		"ok/READ-ME.txt": "kua watch add ~/kua/copies --record 000001 --kind ok --url URL --words 000001", "READ-ME.txt": at + "/en/r/0000/000001.html",
		"tiktok/kk.words.txt": "Алматы, қаңтар\n\nФильмде", "instagram/en.words.txt": "A stop at a <made-up> post\n\nWhat",
	} {
		if !strings.Contains(string(files[name]), holds) {
			t.Errorf("%s does not say %q:\n%s", name, holds, files[name])
		}
	}
	if _, ok := files["media/1-144p.mp4"]; ok {
		t.Error("the kit holds a film that no network gets")
	}
	var archive bytes.Buffer
	check(t, m.ZIP(t.Context(), open(t, c.Dir), locale.English, &archive))
	if !maps.EqualFunc(files, unzipped(t, archive.Bytes()), bytes.Equal) {
		t.Error("the archive of the same record holds other files")
	}
	for _, n := range Networks() {
		for _, lang := range []locale.Tag{locale.Kazakh, locale.English} {
			words := strings.TrimSuffix(string(files[n.ID+"/"+lang.Path()+".words.txt"]), "\n")
			if got := n.Words.Count(words); got > n.Words.Most || !strings.Contains(words, "000001") || !strings.HasSuffix(words, at+"/"+lang.Path()+"/r/0000/000001.html") {
				t.Errorf("%s in %s: %d of %d, ends %q", n.ID, lang, got, n.Words.Most, words[max(0, len(words)-120):])
			}
		}
	}
}

// TestWordsWithinLimits gives the longest words that a record can have, and wants
// the way back to stand in what is typed everywhere all the same.
func TestWordsWithinLimits(t *testing.T) {
	m := newMaker(t)
	long := func(unit string, n int) record.Text {
		return record.Text{"kk": string([]rune(strings.Repeat(unit, n))[:n-1]) + "."}
	}
	for _, unit := range []string{"Щ", "😀", "қала жолы ", "a\n"} {
		var s Source
		s.Record = record.Record{Kind: record.Kind, ID: "000123", Version: 2, Status: record.Published, Day: "2026-11-21", Languages: []string{"kk"},
			Title: long(strings.TrimSpace(unit), record.MaxTitle), Summary: long(unit, record.MaxWords), Place: record.Place{Words: long(unit, record.MaxTitle)},
			Happened: record.Span{From: "2026-11-01", To: "2026-11-20"}}
		s.Collective, s.Address = long(unit, 1000), "https://"+strings.Repeat("w", 112)
		s.Charter.Mirrors = []string{"https://" + strings.Repeat("v", 112)}
		for _, n := range Networks() {
			title, words := m.Words(s, n, locale.Kazakh)
			if n.Title.Count(title) > n.Title.Most || n.Words.Count(words) > n.Words.Most {
				t.Errorf("%s: %d of %d, %d of %d", n.ID, n.Title.Count(title), n.Title.Most, n.Words.Count(words), n.Words.Most)
			}
			if !strings.Contains(words, s.Page(locale.Kazakh)) || !utf8.ValidString(title+words) {
				t.Errorf("%s: the way to the record is not in %q", n.ID, words)
			}
		}
	}
}

// TestKitRefuses wants no kit of what was withdrawn, changed or is not there.
func TestKitRefuses(t *testing.T) {
	m, c := newMaker(t), published(t)
	spoilt := editiontest.Copy(t, c.Dir)
	film := open(t, spoilt).Record.Media[0]
	for _, f := range film.Files {
		if f.Rung != "240p" {
			continue
		}
		name := filepath.Join(spoilt, f.Path())
		b, err := os.ReadFile(name)
		check(t, err)
		b[len(b)-1] ^= 1
		check(t, os.WriteFile(name, b, 0o644))
		if err := m.Check(t.Context(), open(t, spoilt), locale.Kazakh); !errors.Is(err, fault.Corrupt("kit.differs")) {
			t.Errorf("a changed film came into a kit: %v", err)
		}
		for _, b := range [][]byte{b[:100], append(b, 0)} {
			check(t, os.WriteFile(name, b, 0o644))
			if err := m.Check(t.Context(), open(t, spoilt), locale.Kazakh); !errors.Is(err, fault.Corrupt("kit.differs")) {
				t.Errorf("a film of another length came into a kit: %v", err)
			}
		}
		check(t, os.Remove(name))
		if err := m.Check(t.Context(), open(t, spoilt), locale.Kazakh); !errors.Is(err, fault.NotFound("kit.not_kept")) {
			t.Errorf("a film that is not there: %v", err)
		}
	}
	src, err := verify.Dir(c.Dir)
	check(t, err)
	if _, err := Open(t.Context(), src, "000001", ""); !errors.Is(err, fault.Invalid("card.no_address")) {
		t.Errorf("a charter without addresses: %v", err)
	}
	document := filepath.Join(c.Dir, record.Path("000001", 1))
	b, err := os.ReadFile(document)
	check(t, err)
	check(t, os.WriteFile(document, bytes.Replace(b, []byte("near Almaty"), []byte("near Astana"), 1), 0o644))
	if _, err := Open(t.Context(), src, "000001", at); err == nil {
		t.Error("words that nobody signed are taken for published")
	}
	check(t, os.WriteFile(document, b, 0o644))

	c.Publish(t, c.Withdrawal(t, "000001"))
	s := open(t, c.Dir)
	if err := m.Check(t.Context(), s, locale.Kazakh); !errors.Is(err, fault.NotFound("kit.withdrawn")) {
		t.Errorf("a kit of a withdrawn record: %v", err)
	}
	if png, err := m.Card(s, locale.Kazakh); err != nil || len(png) == 0 || s.Record.Title != nil {
		t.Errorf("the tombstone of a withdrawn record cannot be drawn: %v", err)
	}
}

// unzipped gives the files of an archive.
func unzipped(t testing.TB, b []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	check(t, err)
	files := make(map[string][]byte)
	for _, f := range z.File {
		in, err := f.Open()
		check(t, err)
		files[strings.TrimPrefix(f.Name, "kit-000001/")], err = io.ReadAll(in)
		check(t, err)
	}
	return files
}
