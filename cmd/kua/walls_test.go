package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kua/internal/authority"
	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/keyring"
	"kua/internal/lane"
	"kua/internal/lane/darkroom"
	"kua/internal/lane/lane311"
	"kua/internal/lane/lanetest"
	"kua/internal/lane/laneweb"
	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/receipt"
	"kua/internal/seal"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
	"kua/internal/tlog/appender"
	"kua/web"
)

// TestSealedIsUnreachable plants words in everything that a node keeps of the sealed
// lane, and of what citizens seal to the collective; then it walks every route of the
// open lane, by the tables of routes themselves, as everybody who has to do with it,
// with what the routes expect and with names of what is planted, and finds none of it
// in any answer: not as it is, in hexadecimal, nor in base64. A new route fails the
// test until it is told what stands in its place.
func TestSealedIsUnreachable(t *testing.T) {
	w := newWalls(t)
	w.leaks(t)
	w.tour(t, w.hostile(), w.people...)
	w.beside(t) // what is no text for one engine is for the other
	w.tour(t, []string{"%ff%fe"}, w.everything())
	t.Logf("%d calls of %d routes; %d things planted", w.calls, len(w.patterns), len(w.planted))
}

// walls is a node with something planted in it and everybody who comes to its open lane.
type walls struct {
	*served
	secret   lane.Secret  // of the official
	open     http.Handler // the node, or a lane on PostgreSQL beside it
	dir      string
	desk     *nodeapi.Client
	piece    string            // hash of a planted piece
	patterns []string          // of both faces of the lane
	ordinary map[string]string // what stands for a wildcard, by the pattern up to it
	people   []person
	planted  map[string][]byte // never to be seen, by what it is
	marks    map[uint64][]mark // by the first eight bytes
	begins   [1 << 16]bool     // with these two
	sought   []string          // names of what is planted: arguments
	fields   map[string]bool   // of every form that was shown
	answers  map[string]int    // pattern: how often it answered as one that was reached
	calls    int
}

type mark struct {
	whole []byte
	of    string
}

const official = 4 // of the people

// person is somebody who comes, with what only they have.
type person struct {
	name   string
	cookie string
	fields url.Values
}

func wall(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWalls(t *testing.T) *walls {
	t.Helper()
	public, deskKey, err := ed25519.GenerateKey(rand.Reader)
	wall(t, err)
	p, err := keyring.NewPersonOf(seal.X25519, "Aigul")
	wall(t, err)
	_, log, err := appender.NewKey("kua.example.org/log")
	wall(t, err)
	c := charter.Charter{Kind: charter.Kind, Version: 1, Name: map[string]string{"en": "Made-up collective"}, Languages: []string{"en"}, Threshold: 1, Made: "2026-11-20",
		Log: charter.Log{Origin: "kua.example.org/log", Key: log}, People: []charter.Person{p.Public("2026-11-20")},
		Desks: []string{base64.StdEncoding.EncodeToString(public)}}
	doc, err := c.Bytes()
	wall(t, err)
	signed := charter.Signed{Document: string(doc), Signatures: make(charter.Signatures)}
	signed.Signatures.Add(doc, p)

	a, err := newApp(nil, io.Discard, io.Discard, func(string) string { return "" })
	wall(t, err)
	w := &walls{dir: t.TempDir(), planted: map[string][]byte{}, fields: map[string]bool{}}
	w.served, err = a.openNode(t.Context(), node.Config{Dir: w.dir, Chain: charter.Chain{signed}, Diary: slog.New(slog.DiscardHandler)}, laneAt{alerts: true})
	wall(t, err)
	t.Cleanup(func() { w.Close() })
	w.open = w.served
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.desk = nodeapi.NewClient(server.URL, nodeapi.WithNodeKey(w.Key()), nodeapi.WithDesk(deskKey), nodeapi.WithTries(1, 0))
	w.plant(t)
	w.settle(t, w.lane, sqldb.Config{Path: filepath.Join(w.dir, "lane.db")})
	w.read(t)
	w.learn()
	return w
}

// beside goes on with the pages of a lane on PostgreSQL.
func (w *walls) beside(t *testing.T) {
	t.Helper()
	database := pgtest.Database(t)
	l, err := lane.Open(t.Context(), lane.Config{Dir: w.dir, URL: database, Sealer: sealer(w.Charter)})
	wall(t, err)
	t.Cleanup(func() { l.Close() })
	w.settle(t, l, sqldb.Config{URL: database})
	w.learn()
}

// word makes something to plant.
func (w *walls) word(of string) []byte {
	b := make([]byte, 24)
	rand.Read(b)
	w.planted[of] = b
	return b
}

// plant fills the sealed lane through its own doors: two parcels, one that is not
// whole, replies, a receipt's mailbox; and behind its back a row.
func (w *walls) plant(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for n := range 3 { // the first is left open, the second is asked for by name
		b := make([]byte, parcel.PieceBytes+5000)
		copy(b[1000:], w.word(fmt.Sprintf("piece %d.0", n)))
		copy(b[parcel.PieceBytes+1000:], w.word(fmt.Sprintf("piece %d.1", n)))
		var pieces []string
		x, err := parcel.Split(bytes.NewReader(b), func(_ int, hash string, piece []byte) error {
			pieces = append(pieces, hash)
			upload := canon.Hash([]byte{byte(n)})[:32]
			return w.desk.PutPiece(ctx, upload, hash, piece)
		})
		wall(t, err)
		upload := canon.Hash([]byte{byte(n)})[:32]
		if n > 0 {
			_, err = w.desk.Commit(ctx, upload, x)
			wall(t, err)
		}
		if n == 1 {
			w.piece = pieces[0]
			w.sought = append(w.sought, pieces[0]+".jpg")
			continue
		}
		w.planted[fmt.Sprintf("hash of piece %d", n)] = []byte(pieces[0])
		w.planted[fmt.Sprintf("name of parcel %d", n)] = []byte(x.ID())
		w.planted[fmt.Sprintf("name of upload %d", n)] = []byte(upload)
	}
	rc := receipt.New()
	keys, err := rc.Derive()
	wall(t, err)
	w.planted["receipt"], w.planted["key of replies"], w.planted["mailbox"] = []byte(rc.String()), []byte(keys.ReplyIdentity), []byte(keys.Mailbox)
	reply := make([]byte, nodeapi.SlotBytes)
	copy(reply[500:], w.word("reply"))
	wall(t, w.desk.PutReply(ctx, receipt.Prefix(keys.Mailbox), reply))

	db, err := sqldb.Open(ctx, sqldb.Config{Path: filepath.Join(w.dir, "node.db")})
	wall(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ('planted', $1)`, hex.EncodeToString(w.word("row of node.db")))
	wall(t, err)
	wall(t, os.WriteFile(filepath.Join(w.dir, "planted.txt"), w.word("file beside the databases"), 0o600))
	w.sought = append(w.sought, filepath.Join(w.dir, "planted.txt"))
}

// settle brings the open lane's people: a holder with an appeal, a contact and a
// letter, a supporter, officials, a checker, a system of others, somebody who wants news.
func (w *walls) settle(t *testing.T, l *lane.Lane, kept sqldb.Config) {
	t.Helper()
	ctx := t.Context()
	_, _, _, err := l.Import(ctx, authority.Sample())
	wall(t, err)
	kua, err := exec.LookPath("kua")
	wall(t, err)
	room, err := darkroom.New(kua, t.TempDir())
	wall(t, err)
	taking, err := lane.Open(ctx, lane.Config{Dir: w.dir, URL: kept.URL, Cleaner: room})
	wall(t, err)
	defer taking.Close()
	picture, err := taking.AddPicture(ctx, bytes.NewReader(lanetest.Photo(t, 120, 90, 3)))
	wall(t, err)
	unseen, err := taking.AddPicture(ctx, bytes.NewReader(lanetest.Photo(t, 120, 90, 4)))
	wall(t, err)

	draft := lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: locale.Russian, Words: "Открытый люк, выдумано", At: &authority.Point{Lat: 45_050_000, Lon: 65_150_000},
		Answers: map[string][]string{"cover": {"gone"}}, Pictures: []string{picture.Hash}}
	sent, err := l.Submit(ctx, draft)
	wall(t, err)
	held := lane.Draft{Code: lane.NewCode(), Category: "no-answer", Language: locale.Russian, Words: "Канцелярия молчит, выдумано", Area: "south", Pictures: []string{unseen.Hash}}
	waits, err := l.Submit(ctx, held)
	wall(t, err)
	supporter := lane.NewCode()
	wall(t, l.Support(ctx, sent.ID, supporter))
	wall(t, l.Attest(ctx, draft.Code, 0, lane.Entry{Act: "submitted", Day: l.Today(), Authority: "water"}))
	wall(t, l.Contact(ctx, draft.Code, "contact-"+hex.EncodeToString(w.word("contact"))))
	wall(t, l.Entrust(ctx, draft.Code, lane.Letter{Step: "first", Body: "water", To: "Made-up body", Language: locale.Russian,
		Text: "letter-" + hex.EncodeToString(w.word("letter")), PDF: w.word("letter as PDF"), Contact: hex.EncodeToString(w.word("contact of a letter"))}))
	q, err := l.Request(ctx, sent.ID)
	wall(t, err)
	number := q.Assignments[0].Number
	link, _, err := l.Link(ctx, number)
	wall(t, err)
	checker, _, err := l.AddChecker(ctx, "Checker", 7)
	wall(t, err)
	head, invite, err := l.AddAccount(ctx, nil, "water", "Aliya Headova", true)
	wall(t, err)
	_, open, err := l.AddAccount(ctx, &head, "water", "Bolat Deskov", false)
	wall(t, err)
	secret := lane.NewSecret()
	once, err := secret.Code(l.Now())
	wall(t, err)
	const password = "four words of no poem"
	session, _, err := l.SetUpPassword(ctx, invite, password, secret, once)
	wall(t, err)
	key, _, err := l.AddKey(ctx, lane.Key{Name: "App", Submit: true, Authority: "water", PerHour: 100_000})
	wall(t, err)
	wall(t, l.AskAlert(ctx, lane.Wish{Address: "reader@mail.example", Language: locale.English, Area: "south"}))
	db, err := sqldb.Open(ctx, kept)
	wall(t, err)
	defer db.Close()
	var alert string
	wall(t, db.QueryRowContext(ctx, `SELECT mark FROM alert`).Scan(&alert))
	for _, table := range []string{"contact", "entrusted"} {
		var sealed []byte
		wall(t, db.QueryRowContext(ctx, `SELECT sealed FROM `+table).Scan(&sealed))
		w.planted["sealed "+table] = sealed[len(sealed)-24:]
	}

	w.secret = secret
	w.people = []person{
		{"a reader", "", nil},
		{"the holder", "", url.Values{"code": {draft.Code}, "step": {"first"}, "language": {"ru"}, "to": {"water"}, "name": {"Айгуль Выдуманная"}, "address": {"Улица, 5"}, "phone": {"1"}}},
		{"a supporter", "", url.Values{"code": {supporter}}},
		{"whoever has the held report", "", url.Values{"code": {held.Code}}},
		{"an official", "kua-office=" + session, url.Values{"form": {lane.FormToken(session)}, "account": {head.Name}, "password": {password}}},
		{"a system of others", "", url.Values{"api_key": {key}, "service_code": {"manhole"}, "lat": {"45.05"}, "long": {"65.15"}, "description": {"Открытый люк, выдумано"}, "attribute[cover]": {"gone"}}},
	}
	id := strconv.FormatInt(sent.ID, 10)
	w.ordinary = map[string]string{"/tell/{category}": "manhole", "/review/{category}": "manhole", "/send/{category}": "manhole", "/same/{id}": id, "/case/{id}": id,
		"/picture/{name}": picture.Hash + ".jpg", "/area/{id}": "south", "/at/{token}": link, "/alert/{mark}": alert, "/check/{token}": checker,
		"/check/{token}/{id}": strconv.FormatInt(waits.ID, 10), "/check/{token}/{id}/picture/{name}": unseen.Hash + ".jpg", "/office/enrol/{token}": open,
		"/office/part/{number}": strconv.FormatInt(number, 10), "/authority/{id}": "water", "/ask/{id}": "water", "/score/{kind}": "authority", "/score/{kind}/{id}": "water",
		"/score/appeals/{id}": "water", "/appeals/{kind}": "area", "/appeals/{kind}/{id}": "south", "/open311/{discovery}": "discovery.json", "GET /open311/v2/{list}": "requests.xml", "POST /open311/v2/{list}": "requests.json",
		"/open311/v2/services/{one}": "manhole.xml", "/open311/v2/requests/{one}": id + ".json", "/open311/v2/tokens/{one}": "x.json"}

	words, err := locale.Load(web.Locales())
	wall(t, err)
	pages, err := laneweb.New(laneweb.Config{Lane: l, Catalogue: words, Alerts: true})
	wall(t, err)
	exchange := lane311.New(lane311.Config{Lane: l, Catalogue: words})
	if l != w.lane {
		w.open = exchange.Before(pages.Before(http.NotFoundHandler()))
	}
	w.patterns = exchange.Patterns()
	for _, p := range pages.Patterns() {
		method, rest, _ := strings.Cut(p, " ")
		w.patterns = append(w.patterns, method+" /en/open"+rest)
	}
}

// read adds what nobody planted by hand: the node's secret key, each small file and
// each name of a file outside of the open lane, what is sealed to the collective.
func (w *walls) read(t *testing.T) {
	t.Helper()
	wall(t, filepath.WalkDir(w.dir, func(file string, e fs.DirEntry, err error) error {
		name := strings.TrimPrefix(file, w.dir)
		if err != nil || e.IsDir() || strings.HasPrefix(name, "/lane.db") || strings.HasPrefix(name, "/pictures/") || strings.HasPrefix(name, "/charter/") {
			return err
		}
		if base := path.Base(name); len(base) >= 32 && !slices.Contains(w.sought, base) {
			w.planted["name of "+name] = []byte(base)
		}
		b, err := os.ReadFile(file)
		if len(b) >= 24 && len(b) < 4096 && err == nil {
			w.planted["end of "+name] = bytes.TrimSpace(b)[max(0, len(bytes.TrimSpace(b))-24):]
		}
		return err
	}))
	keys := 0
	for of := range w.planted {
		if strings.Contains(of, "key") {
			keys++
		}
	}
	if keys < 2 {
		t.Fatalf("the node's own key is not among what is looked for: %q", slices.Sorted(maps.Keys(w.planted)))
	}
}

// learn has everything planted looked for in every form: as it is, in hexadecimal,
// and in base64 wherever it begins.
func (w *walls) learn() {
	w.marks = map[uint64][]mark{}
	for of, b := range w.planted {
		w.know(of, b)
	}
}

func (w *walls) know(of string, b []byte) {
	forms := [][]byte{b, []byte(hex.EncodeToString(b)), []byte(strings.ToUpper(hex.EncodeToString(b))), []byte(url.QueryEscape(string(b)))}
	for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for at := range 3 {
			text := code.EncodeToString(append(make([]byte, at), b...))
			forms = append(forms, []byte(text[(at*8+5)/6:len(text)-2]))
		}
	}
	for _, f := range forms {
		first := binary.LittleEndian.Uint64(f)
		w.marks[first] = append(w.marks[first], mark{f, of})
		w.begins[uint16(first)] = true
	}
}

// found says what of the planted is in an answer.
func (w *walls) found(b []byte) (all []string) {
	for i := 0; i+8 <= len(b); i++ {
		if !w.begins[binary.LittleEndian.Uint16(b[i:])] {
			continue
		}
		for _, m := range w.marks[binary.LittleEndian.Uint64(b[i:])] {
			if bytes.HasPrefix(b[i:], m.whole) {
				all = append(all, m.of)
			}
		}
	}
	return all
}

// leaks shows that what is looked for can be found: the sealed lane's own doors give
// it to the desk, and each of its forms is seen.
func (w *walls) leaks(t *testing.T) {
	t.Helper()
	b, err := w.desk.Piece(t.Context(), w.piece)
	wall(t, err)
	if got := w.found(b); !slices.Equal(got, []string{"piece 1.0"}) {
		t.Fatalf("in what the desk fetches there is %q", got)
	}
	for of, b := range w.planted {
		for _, shown := range []string{string(b), fmt.Sprintf("x%xx", b), base64.StdEncoding.EncodeToString(append([]byte("{"), b...)), base64.URLEncoding.EncodeToString(append([]byte("ab"), b...))} {
			if !slices.Contains(w.found([]byte("<p>"+shown+"</p>")), of) {
				t.Fatalf("%s would not be found in %q", of, shown)
			}
		}
	}
}

var wildcard = regexp.MustCompile(`\{[a-z]+\}`)

// address fills in a pattern; with an argument in place of the wildcard numbered at.
func (w *walls) address(t *testing.T, pattern string, at int, argument string) string {
	t.Helper()
	method, rest, _ := strings.Cut(pattern, " ")
	rest = strings.TrimSuffix(rest, "{$}")
	var b strings.Builder
	end := 0
	for i, m := range wildcard.FindAllStringIndex(rest, -1) {
		b.WriteString(rest[end:m[0]])
		end = m[1]
		upTo := strings.TrimPrefix(rest[:end], "/en/open")
		value, ok := w.ordinary[upTo]
		if !ok {
			value, ok = w.ordinary[method+" "+upTo]
		}
		if !ok {
			t.Fatalf("the route %q is new: say in this test what stands for %s", pattern, upTo)
		}
		if i == at {
			value = argument
		}
		b.WriteString(value)
	}
	return b.String() + rest[end:]
}

// hostile are arguments that name what is planted, and ways out of a folder, a page or a query.
func (w *walls) hostile() (all []string) {
	for _, s := range w.sought {
		all = append(all, url.PathEscape(s))
	}
	return append(all, "..%2f..%2fplanted.txt", "%2e%2e%5cnode.db%00.jpg", url.PathEscape("' UNION SELECT value FROM setting --"))
}

// everything is somebody with the codes, keys and sessions of all others.
func (w *walls) everything() person {
	all := person{"somebody with everything", w.people[official].cookie, url.Values{}}
	for _, p := range w.people {
		maps.Copy(all.fields, p.fields)
	}
	all.fields["code"] = w.people[1].fields["code"]
	return all
}

// tour goes through all routes, with what they expect and with arguments that they do not.
func (w *walls) tour(t *testing.T, arguments []string, people ...person) {
	t.Helper()
	w.answers = map[string]int{}
	slices.SortStableFunc(w.patterns, func(a, b string) int { return ends(a) - ends(b) })
	session := slices.IndexFunc(w.patterns, func(p string) bool { return ends(p) > 2 })
	w.walk(t, w.patterns[:session], "", people...)
	for _, argument := range arguments {
		w.walk(t, w.patterns[:session], argument, w.everything())
	}
	for _, pattern := range w.patterns { // what was posted shows now
		if strings.HasPrefix(pattern, "GET ") {
			w.call(t, pattern, w.address(t, pattern, -1, ""), w.everything(), nil)
		}
	}
	w.escape(t)
	once, err := w.secret.Code(time.Now().Add(30 * time.Second)) // not the one that the account was set up with
	wall(t, err)
	w.people[official].fields.Set("once", once)
	w.walk(t, w.patterns[session:], "", w.people[official])
	for _, argument := range arguments {
		w.walk(t, w.patterns[session:], argument, w.everything())
	}
	for _, p := range w.patterns {
		if w.answers[p] == 0 {
			t.Errorf("no call of this walk was taken by %q", p)
		}
	}
	if len(w.fields) < 50 {
		t.Errorf("only these fields of forms were seen: %q", slices.Sorted(maps.Keys(w.fields)))
	}
}

// walk calls routes as each of the people. An argument stands in place of what a route
// expects, in its address and then in all fields that forms have.
func (w *walls) walk(t *testing.T, patterns []string, argument string, people ...person) {
	t.Helper()
	plain, err := url.PathUnescape(argument)
	wall(t, err)
	for _, pattern := range patterns {
		for _, p := range people {
			w.call(t, pattern, w.address(t, pattern, -1, ""), p, w.filled(p, plain))
			for at := range len(wildcard.FindAllString(pattern, -1)) {
				if argument != "" {
					w.call(t, pattern, w.address(t, pattern, at, argument), p, p.fields)
				}
			}
		}
	}
}

// ends puts what shows before what changes, then what ends an alert, a report or a
// session, and last what begins one instead.
func ends(pattern string) int {
	_, last, _ := strings.Cut(pattern, "POST ")
	switch path.Base(last) {
	case ".":
		return 0
	case "sign-in":
		return 4
	case "sign-out":
		return 3
	case "end", "renew", "withdraw", "takeback":
		return 2
	}
	return 1
}

// filled is every field that any form has, with one value, and what a person alone has.
func (w *walls) filled(p person, value string) url.Values {
	f := url.Values{}
	if value != "" {
		for _, name := range append(slices.Collect(maps.Keys(w.fields)), "standing", "until", "after", "before", "service_request_id", "media_url", "jurisdiction_id", "locale") {
			f.Set(name, value)
		}
	}
	maps.Copy(f, p.fields)
	return f
}

var fieldName = regexp.MustCompile(`<(?:input|select|textarea|button)[^>]* name="([^"]+)"`)

// call sends one call, as it would come over the line, and looks through the answer.
func (w *walls) call(t *testing.T, pattern, address string, p person, f url.Values) {
	t.Helper()
	method, _, _ := strings.Cut(pattern, " ")
	if strings.HasPrefix(method, "/") {
		method = http.MethodGet
	}
	body, kind := "", ""
	switch {
	case method != http.MethodPost && len(f) > 0:
		address += "?" + f.Encode()
	case method == http.MethodPost && len(address)%4 == 0: // a name of a file is an argument too
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for name, values := range f {
			_ = m.WriteField(name, values[0])
		}
		part, _ := m.CreateFormFile("photo", "../node.db")
		_, _ = part.Write([]byte("file:///../node.db"))
		_ = m.Close()
		body, kind = b.String(), m.FormDataContentType()
	case method == http.MethodPost:
		body, kind = f.Encode(), "application/x-www-form-urlencoded"
	}
	status, answer := w.raw(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", method, address, p.cookie, kind, len(body), body))
	if got := w.found(answer); len(got) > 0 {
		t.Errorf("%s as %s holds %q", address, p.name, got)
	}
	for _, m := range fieldName.FindAllSubmatch(answer, -1) {
		w.fields[string(m[1])] = true
	}
	if status < 400 || method == http.MethodPost && (status == http.StatusConflict || status == http.StatusUnprocessableEntity) || strings.HasSuffix(pattern, "/tokens/{one}") || pattern == "/" {
		w.answers[pattern]++
	}
}

// raw hands the lines of a call to the node as its server would, and gives the answer
// with its headers.
func (w *walls) raw(t *testing.T, text string) (status int, answer []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return http.StatusBadRequest, nil // which the server says before anybody else sees it
	}
	rec := httptest.NewRecorder()
	w.open.ServeHTTP(rec, r)
	if rec.Code >= 500 && rec.Code != http.StatusServiceUnavailable {
		t.Errorf("%.200q answers %d", text, rec.Code)
	}
	w.calls++
	var b bytes.Buffer
	_ = rec.Header().Write(&b)
	return rec.Code, append(b.Bytes(), rec.Body.Bytes()...)
}

// escape asks for what lies beside the open lane's addresses.
func (w *walls) escape(t *testing.T) {
	t.Helper()
	for _, root := range []string{"/en/open/", "/en/open/picture/", "/en/open/check/x/1/picture/", "/open311/", "/open311/v2/", "/open311/v2/requests/"} {
		for _, way := range []string{"../", "..%2f..%2f", "%2e%2e/%2e%2e/", "....//", "%2f", "../../../../"} {
			for _, what := range []string{"planted.txt", "node.db", "api/v1/pieces/" + w.piece} {
				_, answer := w.raw(t, "GET "+root+way+what+" HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: "+w.people[official].cookie+"\r\n\r\n")
				if got := w.found(answer); len(got) > 0 {
					t.Errorf("%s holds %q", root+way+what, got)
				}
			}
		}
	}
}
