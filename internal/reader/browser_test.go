package reader_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"kua/internal/edition/editiontest"
)

// TestReaderInABrowser opens a file from the disk in Chromium, without a network:
// it checks itself, shows what it holds, and asks nobody; changed in any of its
// parts it shows nothing. web/test/reader.mjs is the person.
func TestReaderInABrowser(t *testing.T) {
	c := editiontest.New(t)
	c.Charter.Handle = "Telegram @kua_sample"
	c.Publish(t, c.Records(t, 1, 3)...)
	m := newMaker(t)
	file := write(t, m, c.Dir, "000001")
	dir := t.TempDir()
	put := func(name string, b []byte) { check(t, os.WriteFile(filepath.Join(dir, name), b, 0o644)) }
	change := func(name, at, to string) {
		changed := regexp.MustCompile(at).ReplaceAll(file, []byte(to))
		if bytes.Equal(changed, file) {
			t.Fatalf("%s: nothing was changed", name)
		}
		put(name, changed)
	}
	put("good.html", file)
	change("bad-words.html", `Алматы, қаңтар`, "Алматы, ақпан") // everywhere: in the page and in the proof
	change("bad-film.html", `(data:video/mp4;base64,)....`, "${1}AAAA")
	change("bad-signature.html", `("signatures":\{"[0-9a-f]{16}":")......`, "${1}AAAAAA")
	change("bad-log.html", `("hashes":\[")......`, "${1}AAAAAA")
	change("bad-size.html", `(kua.example/log\\n)[0-9]+`, "${1}9")
	change("bad-proof.html", `id="proof">\{`, `id="proof">{{`)
	words, err := json.Marshal(map[string]string{"title": "Алматы, қаңтар", "secret": "ақпан"})
	check(t, err)
	put("words.json", words)
	cmd := exec.CommandContext(t.Context(), "node", "test/reader.mjs", dir)
	cmd.Dir = "../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
}
