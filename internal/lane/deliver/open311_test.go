package deliver_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/deliver"
	"kua/internal/lane/lanetest"
	"kua/internal/open311"
)

// cityServer is an Open311 server with the mistakes that are known of real ones.
type cityServer struct {
	mu      sync.Mutex
	taken   []open311.Request
	forms   []open311.Submission
	news    []open311.Update
	changes []open311.Change
	photos  [][]byte // that came as files

	breaks  bool   // takes a report, then breaks the line
	webPage bool   // takes a report, then shows a web page with 200
	refuses string // for reports: "400 key", "500"
	token   bool   // gives a token, and the id only when it is asked
	noNews  bool   // knows nothing of FixMyStreet's extension
	blind   bool   // its list fails
	full    bool   // its list stops at 50 others
	bare    bool   // gives neither a declaration nor the right type
}

func (c *cityServer) set(change func(*cityServer)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *cityServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) || r.Form.Get("jurisdiction_id") != "ulgi.example" {
		http.Error(w, "Missing jurisdiction_id", 400)
		return
	}
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), ".xml")
	answer := func(d open311.Document) {
		var b strings.Builder
		_ = d.Write(&b, open311.XML)
		if c.bare {
			w.Header().Set("Content-Type", "application/xml")
			_, after, _ := strings.Cut(b.String(), "?>")
			b.Reset()
			b.WriteString(after)
		} else {
			w.Header().Set("Content-Type", open311.XML.Type())
		}
		_, _ = w.Write([]byte(b.String()))
	}
	switch {
	case r.Method == http.MethodPost && r.PostForm.Get("api_key") != "geheim" || c.refuses == "400 key":
		w.WriteHeader(400) // should be 403
		answer(open311.Problems([]open311.Problem{{Code: 400, Description: "Invalid api_key"}}))
	case c.refuses == "500":
		http.Error(w, "<html>", 500)
	case r.Method == http.MethodPost && path == "requests":
		s, problems := open311.ParseSubmission(r.PostForm, open311.Definition{Attributes: []open311.Attribute{{Code: "kua_key", Variable: true, Datatype: open311.String}, {Code: "cover", Variable: true, Datatype: open311.String}}})
		if len(problems) > 0 {
			http.Error(w, fmt.Sprint(problems), 400)
			return
		}
		id := fmt.Sprintf("SR-%d", len(c.taken)+1)
		c.forms = append(c.forms, s)
		if r.MultipartForm != nil {
			for _, f := range r.MultipartForm.File[open311.MediaField] {
				in, _ := f.Open()
				b, _ := io.ReadAll(in)
				c.photos = append(c.photos, b)
			}
		}
		c.taken = append(c.taken, open311.Request{ID: id, Status: "open", ServiceCode: s.ServiceCode, Description: s.Description, Address: s.Address, Requested: noon, Updated: noon})
		switch {
		case c.breaks:
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		case c.webPage:
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>thank you</html>")
		case c.token:
			answer(open311.Accepted{Token: "t-" + id}.Document())
		default:
			answer(open311.Accepted{ID: id}.Document())
		}
	case r.Method == http.MethodPost && path == "servicerequestupdates" && !c.noNews:
		u, problems := open311.ParseChange(r.PostForm)
		if len(problems) > 0 {
			http.Error(w, fmt.Sprint(problems), 400)
			return
		}
		c.changes = append(c.changes, u)
		answer(open311.UpdateAccepted(u.UpdateID))
	case strings.HasPrefix(path, "tokens/"):
		token := strings.TrimPrefix(path, "tokens/")
		answer(open311.Token(token, strings.TrimPrefix(token, "t-")))
	case path == "servicerequestupdates" && !c.noNews:
		answer(open311.Updates(c.news))
	case path == "requests" && c.full:
		answer(open311.Requests(slices.Repeat([]open311.Request{{ID: "x", Status: "open", Address: "x"}}, 50)))
	case path == "requests" && !c.blind:
		answer(open311.Requests(c.taken))
	case strings.HasPrefix(path, "requests/"):
		for _, one := range c.taken {
			if one.ID == strings.TrimPrefix(path, "requests/") {
				answer(open311.Requests([]open311.Request{one}))
				return
			}
		}
		http.NotFound(w, r)
	default:
		http.NotFound(w, r)
	}
}

// waterHouse is a house whose Water Works have the given server.
func waterHouse(t *testing.T, at string, c *cityServer, changes ...*strings.Replacer) (house, func(later time.Duration) *deliver.Worker) {
	t.Helper()
	server := httptest.NewTLSServer(c)
	t.Cleanup(server.Close)
	city := realCity().(fstest.MapFS)
	file := city["authorities.yaml"]
	file.Data = []byte(strings.Replace(string(file.Data), "https://water.example/open311/v2/", server.URL+"/v2/", 1))
	for _, change := range changes {
		file.Data = []byte(change.Replace(string(file.Data)))
	}
	h := newHouse(t, at, city)
	return h, func(later time.Duration) *deliver.Worker {
		h.later.Store(int64(later))
		w, err := deliver.New(deliver.Config{Lane: h.lane, Catalogue: words(), Site: site, HTTP: server.Client(), Keys: deliver.Keys{server.URL + "/v2": "geheim"}})
		check(t, err)
		return w
	}
}

func report(category string, change ...func(*lane.Draft)) lane.Draft {
	d := pothole()
	d.Category = category
	if category == "manhole" {
		d.Answers = map[string][]string{"cover": {"gone"}}
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

// asks asks until nothing is due.
func asks(t *testing.T, w *deliver.Worker) {
	t.Helper()
	for range 100 {
		did, err := w.Ask(t.Context())
		check(t, err)
		if !did {
			return
		}
	}
	t.Fatal("there is always something to ask")
}

// TestForwards hands a report on, learns its number, takes what the server says
// into the history once, and tells it what the holder does.
func TestForwards(t *testing.T) {
	onEngines(t, func(t *testing.T, at string) {
		c := &cityServer{token: true, bare: true}
		h, at1 := waterHouse(t, at, c)
		l, d := h.lane, report("water")
		id := submit(t, l, d)
		if n := h.drain(at1(0)); n != 1 || state(t, l, id) != lane.Delivered || len(c.taken) != 1 {
			t.Fatalf("%d delivered, it is %s, the city has %d", n, state(t, l, id), len(c.taken))
		}
		got := c.forms[0]
		if got.ServiceCode != "water" || !strings.Contains(got.Description, d.Words) || !strings.Contains(got.Description, site+"/en/open/case/") || len(got.Answers["kua_key"]) != 1 || !strings.Contains(got.Address, "Школа 5") {
			t.Errorf("the city has %+v", got)
		}
		asks(t, at1(0))
		if state(t, l, id) != lane.Registered {
			t.Fatalf("with a number it is %s", state(t, l, id))
		}
		check(t, l.Add(t.Context(), lane.Addition{Code: d.Code, Words: "Воды всё нет", After: 3}))
		h.drain(at1(time.Minute))
		if len(c.changes) != 1 || c.changes[0].RequestID != "SR-1" || c.changes[0].Status != "unchanged" || !strings.Contains(c.changes[0].Description, "Воды всё нет") {
			t.Errorf("the city was told %+v", c.changes)
		}
		c.set(func(c *cityServer) {
			c.news = []open311.Update{{ID: "1", RequestID: "SR-1", Status: "in_progress", Updated: noon.Add(time.Minute), Description: "Бригада выехала"},
				{ID: "2", RequestID: "SR-9", Status: "fixed", Updated: noon.Add(time.Minute), Description: "чужое"}}
		})
		for i := range 3 { // it says the same again and again
			asks(t, at1(time.Duration(20+20*i)*time.Minute))
		}
		if state(t, l, id) != lane.InWork {
			t.Errorf("it is %s", state(t, l, id))
		}
		c.set(func(c *cityServer) {
			c.news = append(c.news, open311.Update{ID: "3", RequestID: "SR-1", Status: "fixed", Updated: noon.Add(time.Hour), Description: "Кран заменён"})
			c.taken[0].Status = "closed"
		})
		asks(t, at1(2*time.Hour))
		asks(t, at1(4*time.Hour))
		history, err := l.History(t.Context(), id)
		check(t, err)
		said := map[string]int{}
		for _, e := range history {
			said[e.Reason+e.Words]++
		}
		if state(t, l, id) != lane.Mended || said["Бригада выехала"] != 1 || said["Кран заменён"] != 1 || said["чужое"] != 0 {
			t.Errorf("it is %s, said was %v", state(t, l, id), said)
		}
	})
}

// TestRefusedWithoutWords: a server that refuses in words that nobody can see is
// taken at its word once, and does not keep what it says later from being heard.
func TestRefusedWithoutWords(t *testing.T) {
	c := &cityServer{}
	h, at := waterHouse(t, t.TempDir(), c)
	id := submit(t, h.lane, report("water"))
	h.drain(at(0))
	c.set(func(c *cityServer) {
		c.news = []open311.Update{{ID: "1", RequestID: "SR-1", Status: "no_further_action", Updated: noon, Description: "\u202e"}}
	})
	asks(t, at(time.Minute))
	if state(t, h.lane, id) != lane.Refused {
		t.Errorf("it is %s", state(t, h.lane, id))
	}
}

// TestPhotosGoAsTheEndpointTakesThem: as links, as files, or not at all, as the directory says.
func TestPhotosGoAsTheEndpointTakesThem(t *testing.T) {
	for setting, want := range map[string]struct{ links, files int }{"": {1, 0}, ", photos: links": {1, 0}, ", photos: files": {0, 1}, ", photos: none": {0, 0}} {
		c := &cityServer{}
		h, at := waterHouse(t, t.TempDir(), c, strings.NewReplacer("jurisdiction: ulgi.example}", "jurisdiction: ulgi.example"+setting+"}"))
		room, err := lane.Open(t.Context(), lane.Config{Dir: h.at, Cleaner: lanetest.Cleaner(t)})
		check(t, err)
		picture, err := room.AddPicture(t.Context(), bytes.NewReader(lanetest.Photo(t, 64, 48, 3)))
		check(t, err)
		submit(t, h.lane, report("manhole", func(d *lane.Draft) { d.Pictures = []string{picture.Hash} }))
		h.drain(at(0))
		if len(c.forms) != 1 || len(c.forms[0].MediaURLs) != want.links || len(c.photos) != want.files {
			t.Errorf("%q: %d reports, %v, %d files", setting, len(c.forms), c.forms, len(c.photos))
		}
		for _, b := range c.photos {
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != picture.Hash {
				t.Errorf("%q: another picture came", setting)
			}
		}
		check(t, room.Close())
	}
}

// TestFixedIsNoPhoto: where the category asks for a photo a server's "fixed" is
// kept as its words, and a bare "closed" says nothing of mending anywhere.
func TestFixedIsNoPhoto(t *testing.T) {
	c := &cityServer{}
	h, at := waterHouse(t, t.TempDir(), c)
	l := h.lane
	room, err := lane.Open(t.Context(), lane.Config{Dir: h.at, Cleaner: lanetest.Cleaner(t)})
	check(t, err)
	defer room.Close()
	picture, err := room.AddPicture(t.Context(), bytes.NewReader(lanetest.Photo(t, 64, 48, 3)))
	check(t, err)
	hole, tap := submit(t, l, report("manhole", func(d *lane.Draft) { d.Pictures = []string{picture.Hash} })), submit(t, l, report("water"))
	h.drain(at(0))
	if want := site + "/en/open/picture/" + picture.Hash + ".jpg"; !slices.Equal(c.forms[0].MediaURLs, []string{want}) || len(c.forms[1].MediaURLs) != 0 {
		t.Errorf("the city is shown %v and %v, want %s", c.forms[0].MediaURLs, c.forms[1].MediaURLs, want)
	}
	c.set(func(c *cityServer) {
		c.news = []open311.Update{{ID: "1", RequestID: "SR-1", Status: "fixed", Updated: noon, Description: "Закрыли"}}
		c.taken[1].Status = "closed"
	})
	asks(t, at(time.Minute))
	for id, words := range map[int64]string{hole: "Закрыли", tap: "closed"} {
		history, err := l.History(t.Context(), id)
		check(t, err)
		last := history[len(history)-1]
		if state(t, l, id) != lane.Registered || last.Words != words || last.By != lane.ByOfficial {
			t.Errorf("request %d is %s after %+v", id, state(t, l, id), last)
		}
	}
}

// TestNothingIsForwardedTwice: a report that a server took without saying so is
// found there and not sent again; where it cannot be known, it waits.
func TestNothingIsForwardedTwice(t *testing.T) {
	for name, mistake := range map[string]func(*cityServer){
		"breaks the line": func(c *cityServer) { c.breaks = true }, "shows a page": func(c *cityServer) { c.webPage = true },
	} {
		t.Run(name, func(t *testing.T) {
			c := &cityServer{}
			mistake(c)
			h, at := waterHouse(t, t.TempDir(), c)
			l := h.lane
			id := submit(t, l, report("water"))
			h.drain(at(0))
			if state(t, l, id) != lane.Routed || len(c.taken) != 1 {
				t.Fatalf("it is %s, the city has %d", state(t, l, id), len(c.taken))
			}
			c.set(func(c *cityServer) { c.blind = true })
			h.drain(at(time.Hour))
			c.set(func(c *cityServer) { c.full = true })
			h.drain(at(2 * time.Hour))
			all, err := l.Deliveries(t.Context(), id)
			if err != nil || !all[0].Waiting || all[0].Tries != 3 || len(c.taken) != 1 {
				t.Fatalf("while nobody can know: %+v, %v, the city has %d", all, err, len(c.taken))
			}
			c.set(func(c *cityServer) { c.blind, c.full = false, false })
			h.drain(at(20 * time.Hour))
			if state(t, l, id) != lane.Delivered || len(c.taken) != 1 {
				t.Errorf("it is %s, the city has %d", state(t, l, id), len(c.taken))
			}
			asks(t, at(21*time.Hour))
			if state(t, l, id) != lane.Registered {
				t.Errorf("it is %s", state(t, l, id))
			}
		})
	}
}

// FuzzKeys: a file of keys is read or refused by its line, and no error shows a key.
func FuzzKeys(f *testing.F) {
	f.Add("https://a.example/v2/ one # made up\n")
	f.Add("x y z")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := deliver.ReadKeys(text)
		if err != nil && !errors.Is(err, fault.Invalid("deliver.keys")) || err == nil && keys == nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// TestForwardFails: what a server refuses is kept for whoever waits, without the
// key, and tried again.
func TestForwardFails(t *testing.T) {
	c := &cityServer{noNews: true}
	h, at := waterHouse(t, t.TempDir(), c)
	l := h.lane
	id := submit(t, l, report("water"))
	without, err := deliver.New(deliver.Config{Lane: l, Catalogue: words(), Site: site})
	check(t, err)
	later := time.Duration(0)
	for _, f := range []struct {
		refuses, want string
	}{{"no key", "deliver.no_key"}, {"400 key", "open311.key_refused"}, {"500", "open311.server"}} {
		c.set(func(c *cityServer) { c.refuses = f.refuses })
		w := at(later)
		if f.refuses == "no key" {
			w = without
		}
		h.drain(w)
		all, err := l.Deliveries(t.Context(), id)
		check(t, err)
		if d := all[0]; !d.Waiting || d.Why == nil || d.Why.Key != f.want || strings.Contains(fmt.Sprint(d.Why.Args), "geheim") {
			t.Errorf("%s: %+v", f.refuses, d)
		}
		later += 3 * time.Hour
	}
	c.set(func(c *cityServer) { c.refuses = "" })
	h.drain(at(later))
	asks(t, at(later))
	if state(t, l, id) != lane.Registered || len(c.taken) != 1 {
		t.Errorf("it is %s, the city has %d", state(t, l, id), len(c.taken))
	}
	keys, err := deliver.ReadKeys("# made up\nhttps://a.example/v2/ one\n\nhttps://b.example/v2\n")
	if err != nil || len(keys) != 2 || keys["https://a.example/v2"] != "one" {
		t.Errorf("%v, %v", keys, err)
	}
	for _, bad := range []string{"a.example key", "https://a.example k e y", "ftp://a.example k"} {
		if _, err := deliver.ReadKeys("\n" + bad); !errors.Is(err, fault.Invalid("deliver.keys")) || strings.Contains(err.Error(), "example") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
