package laneweb

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kua/internal/canary"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
)

// withPhotos runs a test on either engine, where photos are taken; dir is the
// lane's folder.
func withPhotos(t *testing.T, test func(t *testing.T, r *room, dir string)) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			cfg := lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}
			if name == "postgres" {
				cfg.URL = lanetest.Database(t)
			}
			test(t, newRoom(t, cfg, 0).withCity(), cfg.Dir)
		})
	}
}

// upload posts a form with photos, as a browser does.
func (r *room) upload(path string, form url.Values, photos ...[]byte) (status int, body string) {
	r.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, values := range form {
		for _, v := range values {
			check(r.t, m.WriteField(name, v))
		}
	}
	if len(photos) == 0 { // what a browser sends when no file was chosen
		_, err := m.CreateFormFile(photoField, "")
		check(r.t, err)
	}
	for i, p := range photos {
		f, err := m.CreateFormFile(photoField, fmt.Sprintf("IMG_%d.jpg", i))
		check(r.t, err)
		_, err = f.Write(p)
		check(r.t, err)
	}
	check(r.t, m.Close())
	resp, err := http.Post(r.server.URL+path, m.FormDataContentType(), &b)
	check(r.t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	check(r.t, err)
	return resp.StatusCode, string(got)
}

var (
	pictureInput = regexp.MustCompile(`name="picture" value="([0-9a-f]{64})"`)
	pictureLink  = regexp.MustCompile(`/open/picture/[0-9a-f]{64}\.jpg`)
)

// pictures gives the pictures that a page carries on.
func pictures(body string) (all []string) {
	for _, m := range pictureInput.FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	return all
}

// fetch gives what lies behind the address of a picture on a page.
func (r *room) fetch(path string) (*http.Response, []byte) {
	r.t.Helper()
	resp, err := http.Get(r.server.URL + "/en" + path)
	check(r.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(r.t, err)
	return resp, b
}

// TestPhotos goes the whole way with photos that words were planted in: they are
// shown cleaned before anything is sent, one is left out again, and what the list
// and the case show are the same bytes. No word comes out anywhere: not on a page,
// in the store, in the database, nor in what was half made.
func TestPhotos(t *testing.T) {
	first, places, err := canary.Plant("jpeg", lanetest.Photo(t, 900, 600, 5))
	check(t, err)
	second := lanetest.Photo(t, 600, 900, 99)
	withPhotos(t, func(t *testing.T, r *room, dir string) {
		t.Setenv("TMPDIR", filepath.Join(dir, "no-such-folder")) // whoever wants a file of its own gets none
		if status, body := r.upload("/en/open/tell/manhole", draft("view", "open"), []byte("no photo")); status == 200 || !strings.Contains(body, `role="alert"`) || !strings.Contains(body, "Открытый люк у школы") {
			t.Errorf("a photo that is none, with a form that is shown again: %d\n%s", status, body)
		}
		f := draft("words", "")
		status, body := r.upload("/en/open/review/manhole", f, first, second)
		if got := pictures(body); status != 422 || len(got) != 2 || len(pictureLink.FindAllString(body, -1)) != 4 {
			t.Fatalf("without words: %d, the photos are not kept: %v\n%s", status, got, body)
		}
		f.Set("words", "An open manhole, made up")
		f["picture"], f["drop"] = pictures(body), pictures(body)[1:]
		status, body = r.upload("/en/open/review/manhole", f)
		kept := pictures(body)
		if status != 200 || len(kept) != 1 || kept[0] != f["picture"][0] || !strings.Contains(body, "nothing but the photos has been kept yet") ||
			!strings.Contains(body, `width="320" height="212" loading="lazy" alt="Photo 1 of 1: what is wrong"`) {
			t.Fatalf("the review: %d\n%s", status, body)
		}
		small := ""
		for _, path := range pictureLink.FindAllString(body, -1) {
			resp, b := r.fetch(path)
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/jpeg" || resp.Header.Get("Cache-Control") != "no-store" || len(canary.In(b, places)) > 0 {
				t.Errorf("%s: %d, %v", path, resp.StatusCode, resp.Header)
			}
			small = path
		}
		if resp, _ := r.fetch("/open/picture/" + strings.Repeat("a", 64) + ".jpg"); resp.StatusCode != 404 {
			t.Errorf("no such picture: %d", resp.StatusCode)
		}
		f["picture"] = kept
		delete(f, "drop")
		id := r.tell("manhole", f)
		pages := r.want(http.MethodGet, "/en/open/case/"+id, nil, 200, small, kept[0]) + r.want(http.MethodGet, "/en/open/", nil, 200, small)
		if found := canary.In([]byte(pages), places); len(found) > 0 {
			t.Errorf("a page holds %v", found)
		}
		files := 0
		check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			files++
			if found := canary.In(b, places); len(found) > 0 {
				t.Errorf("%s holds %v", d.Name(), found)
			}
			return err
		}))
		if files < 4 {
			t.Errorf("only %d files were looked through", files)
		}
	})
}

// TestPhotosRefused: one that is not taken is named, and nothing that was written
// is lost by it.
func TestPhotosRefused(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 1).withCity() // two photos an hour
	good, words := lanetest.Photo(t, 300, 200, 1), "An open manhole, made up"
	for _, c := range []struct {
		name   string
		status int
		form   url.Values
		photos [][]byte
		want   string
	}{
		{"no photo", 422, draft("words", words), [][]byte{[]byte("MZ no photo")}, "This is no photo that can be read here."},
		{"too many", 422, draft("words", words, "picture", "a"), [][]byte{nil, nil, nil}, "These are more than 4 photos"},
		{"a flood", 503, draft("words", words), [][]byte{good, good}, "Many photos are being cleaned just now."},
	} {
		if c.name == "too many" {
			c.form["picture"] = []string{"a", "b", "c", "d"}
		}
		status, body := r.upload("/en/open/review/manhole", c.form, c.photos...)
		if status != c.status || !strings.Contains(body, c.want) || !strings.Contains(body, words) || !strings.Contains(body, `value="gone" checked`) {
			t.Errorf("%s: %d, want %d and %q\n%s", c.name, status, c.status, c.want, body)
		}
	}
	if status, body := r.upload("/en/open/review/manhole", draft("words", strings.Repeat("x", maxForm+1))); status != 413 {
		t.Errorf("too long a text answers %d:\n%s", status, body)
	}
	without := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	without.want(http.MethodGet, "/en/open/tell/manhole", nil, 200, "Photos are not taken here")
	if status, body := without.upload("/en/open/review/manhole", draft("words", words), good); status != 500 || !strings.Contains(body, "This server takes no photos") {
		t.Errorf("without tools: %d\n%s", status, body)
	}
}

// TestHeldPhotos: of a held report nobody sees a photo, its holder neither; they
// are told how many wait.
func TestHeldPhotos(t *testing.T) {
	withPhotos(t, func(t *testing.T, r *room, _ string) {
		_, body := r.upload("/en/open/review/no-answer", draft("q.cover", "", "words", "An official does not answer, made up"), lanetest.Photo(t, 300, 200, 1))
		links := pictureLink.FindAllString(body, -1)
		f := draft("words", "An official does not answer, made up")
		delete(f, "q.cover")
		f["picture"] = pictures(body)
		if len(links) != 2 || len(f["picture"]) != 1 {
			t.Fatalf("the review:\n%s", body)
		}
		id := r.tell("no-answer", f)
		r.want(http.MethodPost, "/en/open/mine", url.Values{"code": f["code"]}, 200, "shown to nobody: 1.")
		if body := r.want(http.MethodGet, "/en/open/case/"+id, nil, 200); pictureLink.MatchString(body) {
			t.Error("the case shows it")
		}
		for _, path := range links {
			if resp, _ := r.fetch(path); resp.StatusCode != 404 {
				t.Errorf("%s answers %d", path, resp.StatusCode)
			}
		}
	})
}

// TestCaseBudget: a case with the longest words, four photos and a history comes
// within 8 kB compressed and 30 kB as it is, in every language.
func TestCaseBudget(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	f := draft("words", long(3900), "area", "", "point", "45.05,65.15", "landmark", "Улица Выдуманная, дом 5, у остановки")
	for i := range byte(lane.MaxPictures) {
		p, err := r.lane.AddPicture(t.Context(), bytes.NewReader(lanetest.Photo(t, 240, 160, i*60)))
		check(t, err)
		f["picture"] = append(f["picture"], p.Hash)
	}
	id := r.tell("manhole", f)
	for i := range 9 {
		r.want(http.MethodPost, "/en/open/add", url.Values{"code": f["code"], "seen": {fmt.Sprint(i + 1)}, "words": {long(200 + i)}}, 200)
	}
	for _, lang := range locale.Tags() {
		body := r.want(http.MethodGet, "/"+lang.Path()+"/open/case/"+id, nil, 200)
		if n := len(pictureLink.FindAllString(body, -1)); n != 2*lane.MaxPictures {
			t.Fatalf("the case has %d addresses of pictures", n)
		}
		if n := packed(t, body); n > 8_000 || len(body) > 30_000 {
			t.Errorf("%s: %d bytes compressed, %d as it is; the budget is 8000 and 30000", lang, n, len(body))
		}
	}
}

// packed is how many bytes a page has compressed.
func packed(t *testing.T, body string) int {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(body))
	check(t, z.Close())
	return b.Len()
}

// long is a text of so many signs, of different words.
func long(signs int) string {
	var b strings.Builder
	words := strings.Fields("Открытый люк у школы выдумано дорога яма ойдан шығарылған мектеп жолы қақпақ жоқ вчера утром дети ходят мимо очень темно фонарь не горит")
	for i := 0; b.Len() < 2*signs; i = (i*31 + 7) % 1009 {
		b.WriteString(words[i%len(words)] + " ")
	}
	return strings.TrimSpace(string([]rune(b.String())[:signs-1]))
}
