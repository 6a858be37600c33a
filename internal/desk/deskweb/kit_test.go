package deskweb

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"kua/internal/kit"
)

// kit takes the upload kit of the published record as the case's page offers it,
// and holds every file against its list of hashes.
func (p *person) kit(t *testing.T) {
	t.Helper()
	p.until("/en/cases/1", `href="/media/kit/000001?lang=en"`)
	p.get("/media/kit/000009")
	if p.code != http.StatusNotFound {
		t.Errorf("the kit of a record that is not there: got %d, want 404", p.code)
	}
	p.get("/media/kit/000001?lang=en")
	z, err := zip.NewReader(strings.NewReader(p.body), int64(len(p.body)))
	if p.code != http.StatusOK || err != nil {
		t.Fatalf("the kit is %d, %v: %.300s", p.code, err, p.body)
	}
	var hashes, want strings.Builder
	seen := make(map[string]bool)
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(f.Name, "kit-000001/")
		seen[name] = true
		if name == kit.HashesFile {
			hashes.Write(b)
			continue
		}
		fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256(b), name)
		if strings.HasPrefix(name, "cards/") && !bytes.HasPrefix(b, []byte("\x89PNG")) {
			t.Errorf("%s is no picture", name)
		}
	}
	if hashes.String() != want.String() {
		t.Errorf("the kit says of itself\n%sand holds\n%s", &hashes, &want)
	}
	for _, name := range []string{"READ-ME.txt", "youtube/ru.title.txt", "whatsapp/ru.words.txt", "cards/000001.ru.png", "media/1-240p.mp4"} {
		if !seen[name] {
			t.Errorf("the kit lacks %s:\n%s", name, &want)
		}
	}
	for path, want := range map[string]int{"/media/card/000001/tg": http.StatusOK, "/media/card/000001/xx": http.StatusNotFound, "/media/card/000009/tg": http.StatusNotFound, "/media/card/..%2f/tg": http.StatusNotFound} {
		if p.get(path); p.code != want || want == http.StatusOK && !strings.HasPrefix(p.body, "\x89PNG") {
			t.Errorf("%s: got %d, want %d", path, p.code, want)
		}
	}
	p.get("/en/cases/1")
}
