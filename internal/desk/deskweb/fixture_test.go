package deskweb

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/keyring"
	"kua/internal/media"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/receipt"
	"kua/internal/spread"
	"kua/internal/tlog/appender"
)

// TestMain is also the inside of the media box.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "box" {
		os.Exit(media.RunBoxed(os.Args[2:]))
	}
	os.Exit(m.Run())
}

const passphrase = "a long enough passphrase"

// room is a made-up collective's real desk with the web app in front of it, and
// a node that holds one report.
type room struct {
	wall   *wall
	t      *testing.T
	app    *App
	server *httptest.Server
	node   *shelf
	parcel string
	film   []byte
}

// newRoom founds a desk for Aigul and Bolat; Dana has a key file and no place in
// the charter.
func newRoom(t *testing.T, files ...file) *room {
	t.Helper()
	dir, self := t.TempDir(), must(os.Executable())
	people := make(map[string]*keyring.Person)
	for _, name := range []string{"Aigul", "Bolat", "Dana"} {
		p := must(keyring.NewPerson(name))
		people[name] = p
		check(t, desk.AddKeyFile(dir, name, must(p.LockAt(passphrase, 4))))
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	logKey, logPublic, err := appender.NewKey("kua.example/log")
	check(t, err)
	r := &room{t: t, node: newShelf(t)}
	c := charter.Charter{
		Kind: charter.Kind, Version: 1, Name: map[string]string{"en": "Society of Drivers (made up)", "ru": "Общество водителей (выдумано)"},
		About: map[string]string{"en": "A made-up collective for tests.", "ru": "Выдуманное общество."}, Languages: []string{"ru", "en"},
		People: []charter.Person{people["Aigul"].Public("2026-01-01"), people["Bolat"].Public("2026-01-01")}, Threshold: 2,
		Log: charter.Log{Origin: "kua.example/log", Key: logPublic}, Desks: []string{base64.StdEncoding.EncodeToString(public)},
		Nodes: []charter.Node{{URL: r.node.server.URL, Key: r.node.key}}, Made: "2026-11-01",
	}
	doc, err := c.Bytes()
	check(t, err)
	signed := charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}
	for _, p := range []string{"Aigul", "Bolat"} {
		signed.Signatures[charter.KeyID(people[p].PublishKey())] = people[p].Sign(doc)
	}
	cfg := desk.Config{Dir: dir, Self: self, Style: []byte("body{margin:1rem}"), Preset: "ultrafast", Tries: 1}
	r.wall = &wall{hangs: make(map[string]string)}
	cfg.Kinds = map[string]spread.Kind{"wall": r.wall, "list": list{r.wall}}
	check(t, desk.Create(context.Background(), cfg, desk.Founding{Chain: charter.Chain{signed}, LogKey: logKey, DeskKey: key}))
	r.parcel = r.node.hold(t, c.Recipients(), files)

	r.app, err = New(Config{Desk: cfg})
	check(t, err)
	r.server = httptest.NewServer(r.app.Handler())
	t.Cleanup(func() {
		r.app.Lock()
		r.server.Close()
	})
	// The test server chose a port of its own.
	r.app.cfg.Addr = strings.TrimPrefix(r.server.URL, "http://")
	return r
}

// file is one attachment.
type file struct {
	name, kind string
	bytes      []byte
}

// shelf is a node that only keeps parcels and takes whatever a desk brings.
type shelf struct {
	server *httptest.Server
	key    string

	mu      sync.Mutex
	index   map[string]parcel.Index
	pieces  map[string][]byte
	files   map[string]bool
	state   nodeapi.EditionState
	replies int
}

func newShelf(t *testing.T) *shelf {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	s := &shelf{key: base64.StdEncoding.EncodeToString(public), index: make(map[string]parcel.Index), pieces: make(map[string][]byte), files: make(map[string]bool)}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

// hold keeps a sealed report as if a witness had sent it, and gives its parcel's id.
func (s *shelf) hold(t *testing.T, recipients []string, files []file) string {
	t.Helper()
	keys := must(receipt.New().Derive())
	report := parcel.Report{
		Kind: parcel.ReportKind, What: "bribe", Text: "Двое на посту потребовали 20 000.", When: "вчера вечером", Where: "пост у въезда", Point: &parcel.Point{Lat: 51.1623, Lon: 71.4512},
		Fear: "Меня узнают по машине.", Language: "ru", Reply: keys.ReplyRecipient, Mailbox: keys.Mailbox, Blind: fmt.Sprintf("%x", keys.Blind), Written: "2026-11-20",
	}
	var sources []parcel.Source
	for _, f := range files {
		sources = append(sources, parcel.Source{Name: f.name, Type: f.kind, Size: int64(len(f.bytes)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.bytes)), nil }})
	}
	var sealed bytes.Buffer
	check(t, parcel.Seal(&sealed, report, sources, recipients, nil))
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := parcel.Split(&sealed, func(_ int, hash string, piece []byte) error {
		s.pieces[hash] = bytes.Clone(piece)
		return nil
	})
	check(t, err)
	s.index[x.ID()] = x
	return x.ID()
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, nodeapi.Base+"/desk/")
	name := path[strings.LastIndex(path, "/")+1:]
	switch {
	case path == "parcels":
		var list nodeapi.ParcelList
		for id, x := range s.index {
			list.Parcels = append(list.Parcels, nodeapi.ParcelInfo{ID: id, Size: x.Size, Pieces: len(x.Pieces)})
		}
		json.NewEncoder(w).Encode(list)
	case strings.HasPrefix(path, "parcels/") && r.Method == http.MethodDelete:
		delete(s.index, name)
	case strings.HasSuffix(path, "/index"):
		w.Write(s.index[strings.Split(path, "/")[1]].Text())
	case strings.HasPrefix(path, "pieces/"):
		w.Write(s.pieces[name])
	case path == "replies":
		s.replies++
	case path == "edition":
		json.NewEncoder(w).Encode(s.state)
	case path == "edition/missing":
		var asked, answer nodeapi.Missing
		json.Unmarshal(body, &asked)
		for _, h := range asked.Missing {
			if !s.files[h] {
				answer.Missing = append(answer.Missing, h)
			}
		}
		json.NewEncoder(w).Encode(answer)
	case strings.HasPrefix(path, "edition/files/"):
		s.files[name] = true
	case path == "edition/switch":
		var asked nodeapi.SwitchRequest
		json.Unmarshal(body, &asked)
		var manifest struct{ Number int }
		json.Unmarshal([]byte(asked.Manifest), &manifest)
		s.state = nodeapi.EditionState{Number: manifest.Number, Checkpoint: asked.Checkpoint}
	}
}

// person is one browser.
type person struct {
	*room
	client *http.Client
	token  string
	body   string // of the last page
	code   int
	path   string // of the last page, after redirects
}

func (r *room) browser() *person {
	jar := must(cookiejar.New(nil))
	return &person{room: r, client: &http.Client{Jar: jar}}
}

// signedIn is a browser of a person who has signed in.
func (r *room) signedIn(name string) *person {
	r.t.Helper()
	p := r.browser()
	p.signIn(name, passphrase)
	if p.path != "/en/" {
		r.t.Fatalf("sign in as %s: got %d at %s: %s", name, p.code, p.path, p.words())
	}
	return p
}

func (p *person) signIn(name, passphrase string) {
	p.t.Helper()
	p.get("/en/sign-in")
	p.post("/en/sign-in", "name", name, "passphrase", passphrase)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

func (p *person) did(resp *http.Response, err error) {
	p.t.Helper()
	check(p.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(p.t, err)
	p.body, p.code, p.path = string(b), resp.StatusCode, resp.Request.URL.Path
	if m := tokenField.FindStringSubmatch(p.body); m != nil {
		p.token = m[1]
	}
}

// get opens a page.
func (p *person) get(path string) {
	p.t.Helper()
	resp, err := p.client.Get(p.server.URL + path)
	p.did(resp, err)
}

// post sends a form: name, value, name, value, …
func (p *person) post(path string, fields ...string) {
	p.t.Helper()
	form := url.Values{"token": {p.token}}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	resp, err := p.client.PostForm(p.server.URL+path, form)
	p.did(resp, err)
}

var tags = regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`)

// words is the last page without its tags.
func (p *person) words() string {
	return strings.Join(strings.Fields(tags.ReplaceAllString(p.body, " ")), " ")
}

// sees fails unless the last page has all of these words.
func (p *person) sees(words ...string) {
	p.t.Helper()
	for _, w := range words {
		if !strings.Contains(p.body, w) {
			p.t.Fatalf("%s (%d) does not say %q:\n%s", p.path, p.code, w, p.words())
		}
	}
}

// until opens a page again and again until it says what is waited for. The
// page says itself when there is nothing left to wait for.
func (p *person) until(path, words string) {
	p.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		p.get(path)
		if strings.Contains(p.body, words) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s never says %q:\n%s", path, words, p.words())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// film is two seconds of moving picture and tone, coded in H.264 if more does not say otherwise.
func film(t *testing.T, more ...string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "film.mp4")
	args := append([]string{"-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=2", "-f", "lavfi", "-i", "sine=d=2",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart"}, more...)
	out, err := exec.Command("ffmpeg", append(args, name)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return must(os.ReadFile(name))
}

// photo is a small JPEG.
func photo() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x ^ y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
