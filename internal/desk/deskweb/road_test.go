package deskweb

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/charter"
)

var originalLink = regexp.MustCompile(`/en/originals/(\d+)`)

// TestRoad walks the whole desk as two people in two browsers: collect, read,
// case, play, mark, render, write, propose, look, sign, publish.
func TestRoad(t *testing.T) {
	r := newRoom(t, file{"VID_1.mp4", "video/mp4", film(t)}, file{"IMG_1.jpg", "image/jpeg", photo()})
	aigul := r.signedIn("Aigul")
	aigul.sees("Society of Drivers", "Signed in: Aigul", "Nothing waits")

	aigul.post("/en/collect")
	if aigul.path != "/en/work" {
		t.Fatalf("collect leads to %s", aigul.path)
	}
	aigul.until("/en/", "Last collection")
	aigul.sees("New parcels: 1")
	aigul.get("/en/inbox")
	aigul.sees("Bribe demanded", "unread", "complete", "files: 2")
	aigul.get("/en/reports/" + r.parcel)
	aigul.sees("потребовали 20 000", "Меня узнают по машине.", "must not be published", "VID_1.mp4")
	aigul.get("/en/inbox")
	if strings.Contains(aigul.body, "class=\"unread\"") {
		t.Error("the report is still unread after it was on the screen")
	}
	aigul.post("/en/reports/" + r.parcel + "/unread")
	aigul.sees("among the unread", "class=\"unread\"")
	aigul.get("/en/reports/" + r.parcel)
	aigul.post("/en/reports/" + r.parcel + "/open")
	aigul.sees("Case 1 was made.", "потребовали 20 000")
	if aigul.path != "/en/cases/1" {
		t.Fatalf("the case is at %s", aigul.path)
	}
	aigul.casework(t)

	aigul.until("/en/originals/1", "1:")
	links := originalLink.FindAllStringSubmatch(aigul.open("/en/cases/1"), -1)
	if len(links) < 2 {
		t.Fatalf("the case shows %d originals, want 2", len(links))
	}
	aigul.until("/en/originals/1", "320 × 240")
	aigul.sees("video/mp4", "0:02", "allows nothing of themselves")
	aigul.plays(t, "/media/original/1")
	aigul.get("/en/originals/1/mark")
	aigul.sees(`src="/media/original/1"`, "Make a viewing copy")
	aigul.post("/en/originals/1/viewing")
	aigul.until("/en/originals/1/mark", `src="/media/viewing/1"`)
	aigul.sees("the viewing copy that was made in the box", " data-copy ")
	aigul.plays(t, "/media/viewing/1")
	aigul.marks(t)
	for _, id := range []string{"1", "2"} {
		aigul.post("/en/originals/" + id + "/render")
		aigul.until("/en/originals/"+id, "/media/derivative/")
	}
	aigul.record(t)
	aigul.post("/en/publish/propose", "case", "1", "checked", "voices")
	if aigul.code != http.StatusConflict {
		t.Errorf("proposing without the whole checklist: got %d, want 409", aigul.code)
	}
	aigul.post("/en/publish/propose", ticked("case", "1")...)
	aigul.sees("Proposed, and signed by you", "You have signed")
	if strings.Contains(aigul.body, "Sign and publish") {
		t.Error("who proposed is offered to sign a second time")
	}
	r.second(t)

	aigul.until("/en/cases/1", "published")
	aigul.sees("record 000001")
	aigul.kit(t)
	aigul.spreads(t)
	aigul.get("/en/custody")
	aigul.sees("the desk itself", "collected", "made the desk")
	aigul.get("/en/cases/1/custody")
	aigul.sees("opened", "saved the plan of covers", "made derivatives", "signed", "Bolat")
	aigul.get("/en/people")
	aigul.sees("2 of 2 people", "ML-KEM-768", "reads and signs", r.node.server.URL)
	aigul.post("/en/custody/check")
	aigul.sees("The custody chain holds together")
	aigul.withdraws(t)
	aigul.renews(t)
	aigul.passphrase(t)
	aigul.newer(t)
}

// withdraws takes the record back: whoever signs that too is asked nothing about films,
// and the case says that readers see a tombstone.
func (p *person) withdraws(t *testing.T) {
	p.post("/en/cases/1/withdraw", "sure", "1", "reason.en", "The witness asked for it.", "reason.ru", "Попросил свидетель.")
	p.sees("Proposed, and signed by you")
	at := p.path
	bolat := p.signedIn("Bolat")
	bolat.get(at)
	if strings.Contains(bolat.body, "watched the rendered films") {
		t.Error("whoever signs a withdrawal is asked about films")
	}
	bolat.get(regexp.MustCompile(`/preview/\d+/[^"]+`).FindString(bolat.body))
	bolat.get(at)
	bolat.post(at+"/approve", "manifest", regexp.MustCompile(`name="manifest" value="([^"]+)"`).FindStringSubmatch(bolat.body)[1])
	p.until("/en/cases/1", "Record 000001 was withdrawn")
	if strings.Contains(p.body, "/cases/1/withdraw") {
		t.Error("a record that is withdrawn is offered to be withdrawn")
	}
	p.get(at)
	if strings.Contains(p.body, "/preview/") {
		t.Error("of a published edition a preview is offered that leads nowhere")
	}
}

// renews proposes an edition without news, as a new charter or a quiet week asks for.
func (p *person) renews(t *testing.T) {
	p.post("/en/publish/propose")
	p.sees("Choose at least one case")
	p.until("/en/publish", "published</span>")
	p.post("/en/publish/propose", "renew", "1")
	p.sees("Proposed, and signed by you", "without a record")
	p.post(p.path+"/decline", "reason", "made up")
	p.sees(">An edition without news</a>", "declined")
}

// passphrase changes Aigul's, after tries that must change nothing.
func (p *person) passphrase(t *testing.T) {
	const fresh = "another passphrase, long enough"
	for _, c := range []struct {
		old, fresh, again string
		code              int
		says              string
	}{
		{"not it at all", fresh, fresh, http.StatusForbidden, "does not open the key file"},
		{passphrase, fresh, fresh + ".", http.StatusUnprocessableEntity, "two passphrases differ"},
		{passphrase, "short", "short", http.StatusUnprocessableEntity, "fewer than 12 characters"},
		{passphrase, fresh, fresh, http.StatusOK, "The passphrase was changed"},
	} {
		p.post("/en/people/passphrase", "passphrase", c.old, "fresh", c.fresh, "again", c.again)
		p.sees(c.says)
		if p.code != c.code || strings.Contains(p.body, c.fresh+`"`) {
			t.Errorf("%q to %q: got %d, want %d and no passphrase repeated", c.old, c.fresh, p.code, c.code)
		}
	}
	// The key file that somebody brought under another name is the one that is changed.
	people := filepath.Join(p.app.cfg.Desk.Dir, "people")
	before, err := os.ReadFile(filepath.Join(people, "Aigul.age"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(people, "from the stick.age"), before, 0o600))
	other := p.browser()
	other.signIn("from the stick", fresh)
	other.post("/en/people/passphrase", "passphrase", fresh, "fresh", fresh+" still", "again", fresh+" still")
	other.sees("The passphrase was changed")
	after, err := os.ReadFile(filepath.Join(people, "Aigul.age"))
	if check(t, err); !bytes.Equal(before, after) {
		t.Error("another key file than the one that was used is locked anew")
	}
	check(t, os.Remove(filepath.Join(people, "from the stick.age")))
	other = p.browser()
	other.signIn("Aigul", fresh)
	if other.path != "/en/" {
		t.Errorf("the new passphrase leads to %s: %s", other.path, other.words())
	}
}

// newer puts a further version of the charter beside the open desk: every page says
// that it is not in force yet, and nothing is wrapped for the people before.
func (p *person) newer(t *testing.T) {
	p.get("/en/inbox")
	if strings.Contains(p.body, "A newer charter was signed") {
		t.Error("a newer charter is told of where none was signed")
	}
	check(t, os.WriteFile(filepath.Join(p.app.cfg.Desk.Dir, charter.Dir, "2.json"), []byte("{}"), 0o600))
	p.get("/en/inbox")
	p.sees("A newer charter was signed")
	p.post("/en/people/rewrap")
	p.until("/en/work", "was signed after this desk was opened")
}

func (p *person) open(path string) string {
	p.t.Helper()
	p.get(path)
	return p.body
}

// casework writes to a case what people write to cases.
func (p *person) casework(t *testing.T) {
	p.post("/en/cases/1/title", "title", "Post at the city gate")
	p.post("/en/cases/1/assign", "person", "Bolat")
	p.post("/en/cases/1/notes", "note", "Called the post. Nobody answers.")
	p.post("/en/cases/1/findings", "subject", "original 1", "grade", "plausible", "reasons", "The sign is at that post.")
	p.post("/en/cases/1/replies", "parcel", p.parcel, "text", "We have read it. Take care.")
	p.sees("a node holds it", "We have read it. Take care.", "Called the post.", "plausible", "Post at the city gate")
	if p.node.replies != 1 {
		t.Errorf("the node holds %d replies, want 1", p.node.replies)
	}
	p.post("/en/cases/1/replies", "parcel", p.parcel, "text", strings.Repeat("я", 4000))
	if p.code != http.StatusRequestEntityTooLarge || !strings.Contains(p.body, strings.Repeat("я", 4000)) {
		t.Errorf("a reply that is too long: got %d, and the words kept: %v", p.code, strings.Contains(p.body, strings.Repeat("я", 4000)))
	}
	p.get("/en/cases?q=city+gate")
	p.sees("Post at the city gate")
	p.get("/en/cases?q=nowhere")
	p.sees("No case has these words")
}

// plays asks for parts of a film as a player does.
func (p *person) plays(t *testing.T, path string) {
	t.Helper()
	for _, c := range []struct {
		rng  string
		code int
	}{{"", 200}, {"bytes=0-99", 206}, {"bytes=-100", 206}, {"bytes=999999999-", 416}} {
		req := must(http.NewRequest("GET", p.server.URL+path, nil))
		if c.rng != "" {
			req.Header.Set("Range", c.rng)
		}
		resp := must(p.client.Do(req))
		b := must(io.ReadAll(resp.Body))
		resp.Body.Close()
		if resp.StatusCode != c.code || c.code == 206 && len(b) != 100 {
			t.Errorf("%s of %s: got %d with %d bytes, want %d", c.rng, path, resp.StatusCode, len(b), c.code)
		}
		if c.code == 200 {
			if got := resp.Header.Get("Content-Type"); got != "video/mp4" {
				t.Errorf("type: got %s, want video/mp4", got)
			}
			if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "sandbox") {
				t.Errorf("policy of a stranger's file: got %q, want a sandbox", got)
			}
		}
	}
}

// marks saves plans with the script's road and with the plain form.
func (p *person) marks(t *testing.T) {
	t.Helper()
	p.get("/en/originals/1/mark")
	p.sees(`data-version="0"`, `src="/assets/marker.`, "&#34;rate&#34;:15") // of the viewing copy
	// The document itself, as the script writes it. Whose name it puts to what is not its to say.
	plan := `{"kind":"kua redaction plan","version":4,"original":"1","width":320,"height":240,"covered":false,"mute_all":true,"reviewed":true,"duration":2000,"by":"Dana",` +
		`"tracks":[{"by":"Dana","id":"t1","label":"face","w":60,"h":50,"from":0,"to":2000,"points":[{"at":0,"x":10,"y":20},{"at":1000,"x":90,"y":40}]}],"mutes":[{"by":"Dana","id":"m1","from":200,"to":900}]}`
	for _, c := range []struct {
		body, version, token string
		code                 int
		says                 string
	}{
		{plan, "0", p.token, 200, `{"questions":[],"version":1}`},
		{plan, "0", p.token, 409, `"version":1`},
		{plan, "1", "wrong", 403, "message"},
		{strings.Replace(plan, `"w":60`, `"w":0`, 1), "1", p.token, 422, "message"},
		{strings.Replace(plan, `"duration":2000`, `"duration":2001`, 1), "1", p.token, 409, "message"},
		{strings.Replace(plan, `"original":"1"`, `"original":"2"`, 1), "1", p.token, 409, "message"},
		{strings.Replace(plan, `"label"`, `"lable"`, 1), "1", p.token, 422, "message"},
		{strings.Replace(plan, `"version":4`, `"version":3`, 1), "1", p.token, 422, "message"},
		{plan + plan, "1", p.token, 422, "message"},
		{`{`, "1", p.token, 422, "message"},
		{strings.Replace(plan, `"to":2000`, `"to":1500`, 1), "1", p.token, 200, `{"questions":[{"kind":"end","id":"t1","at":1500}],"version":2}`},
		{plan, "2", p.token, 200, `{"questions":[],"version":3}`},
	} {
		req := must(http.NewRequest("POST", p.server.URL+"/en/originals/1/plan", strings.NewReader(c.body)))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Kua-Token", c.token)
		req.Header.Set("Kua-Version", c.version)
		resp := must(p.client.Do(req))
		b := must(io.ReadAll(resp.Body))
		resp.Body.Close()
		if resp.StatusCode != c.code || !strings.Contains(string(b), c.says) {
			t.Errorf("plan on %s: got %d %s, want %d with %s", c.version, resp.StatusCode, b, c.code, c.says)
		}
	}
	p.get("/en/originals/1/mark")
	p.sees(`data-version="3"`, `name="label" type="text" maxlength="200" value="face"`, "0:01.000 90 40", "0:00.200 0:00.900")
	p.until("/en/originals/2", "320 × 240")
	// A photo, by the form that works without a script.
	p.get("/en/originals/2/mark")
	p.post("/en/originals/2/mark", "version", "0", "id", "", "label", "plate", "w", "40", "h", "", "points", "10 20", "reviewed", "1")
	p.sees("The size of box")
	p.post("/en/originals/2/mark", "version", "0", "id", "", "label", "plate", "w", "40", "h", "20", "points", "10 x", "reviewed", "1")
	p.sees("this line is no place: 10 x")
	p.post("/en/originals/2/mark", "version", "0", "id", "", "label", "plate", "w", "40", "h", "20", "points", "10 20", "id", "", "label", "hand", "w", "", "h", "", "points", "50 50\n90 50\n70 80", "covered", "open", "reviewed", "1")
	p.sees("Saved.", "plate", "50 50\n90 50\n70 80")
	p.get("/en/originals/2")
	p.sees("Covers: 2.")
}

// record writes the record in two languages, wrongly first.
func (p *person) record(t *testing.T) {
	t.Helper()
	p.get("/en/cases/1/record")
	p.sees("Languages of the record")
	base := regexp.MustCompile(`name="base" value="([^"]*)"`)
	send := func(in, version, base string, more ...string) {
		t.Helper()
		fields := append([]string{"in", in, "version", version, "base", base, "language", "ru", "language", "en", "what", "bribe", "from", "2026-11-19",
			"coarseness", "region", "lat", "51.1623", "lon", "71,4512", "exhibit", "1", "exhibit", "2", "knowns", "1", "claims", "1", "answers", "1"}, more...)
		p.post("/en/cases/1/record", fields...)
	}
	save := func(in, version string, more ...string) {
		t.Helper()
		m := base.FindStringSubmatch(p.open("/en/cases/1/record?in=" + in))
		if m == nil {
			t.Fatal("the form has no base")
		}
		send(in, version, unescape(m[1]), more...)
	}
	save("en", "0", "title", "Bribe at the city gate", "summary", "Two people demanded money.", "place", "City gate", "known.0", "There is a post.",
		"claim.0.who", "driver", "claim.0", "20,000 was demanded", "label.1", "The post", "covered.1", "A face and the sound", "label.2", "The car", "covered.2", "The plate",
		"accepted.place", "only the region is named")
	p.sees("Version 1 of the draft was saved", "Published: 51.2, 71.5", "What is missing")
	// Somebody else's version is not overwritten, and nothing typed is lost.
	p.post("/en/cases/1/record", "in", "en", "version", "0", "base", "{}", "language", "en", "what", "bribe", "title", "Typed on an old page")
	if p.code != http.StatusConflict || !strings.Contains(p.body, "Typed on an old page") {
		t.Errorf("an old form: got %d", p.code)
	}
	save("ru", "1", "title", "Взятка на въезде", "summary", "Двое потребовали денег.", "place", "Въезд в город", "known.0", "Пост стоит.",
		"claim.0.who", "водитель", "claim.0", "Потребовали 20 000", "label.1", "Пост", "covered.1", "Лицо и звук", "label.2", "Машина", "covered.2", "Номер",
		"accepted.place", "only the region is named")
	for i := 0; i < 3 && !strings.Contains(p.body, "Nothing is missing"); i++ {
		m := regexp.MustCompile(`name="(accepted\.[^"]+)"`).FindAllStringSubmatch(p.body, -1)
		more := []string{"title", "Взятка на въезде", "summary", "Двое потребовали денег.", "place", "Въезд в город", "known.0", "Пост стоит.",
			"claim.0.who", "водитель", "claim.0", "Потребовали 20 000", "label.1", "Пост", "covered.1", "Лицо и звук", "label.2", "Машина", "covered.2", "Номер"}
		for _, w := range m {
			more = append(more, unescape(w[1]), "nobody can be told by it")
		}
		save("ru", fmt.Sprint(i+2), more...)
	}
	p.sees("Nothing is missing")
	// Two write at a time, each in a language: the one who saves later takes nothing away.
	began, version := unescape(base.FindStringSubmatch(p.body)[1]), regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(p.body)[1]
	var accepted []string
	for _, a := range regexp.MustCompile(`name="(accepted\.[^"]+)" value="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		accepted = append(accepted, unescape(a[1]), unescape(a[2]))
	}
	send("ru", version, began, append(accepted, "title", "Взятка на въезде", "summary", "Двое потребовали денег ночью.", "place", "Въезд в город", "known.0", "Пост стоит.",
		"claim.0.who", "водитель", "claim.0", "Потребовали 20 000", "label.1", "Пост", "covered.1", "Лицо и звук", "label.2", "Машина", "covered.2", "Номер")...)
	send("en", version, began, append(accepted, "title", "Bribe at the city gate", "summary", "Two people demanded money, at a post.", "place", "City gate", "known.0", "There is a post.",
		"claim.0.who", "driver", "claim.0", "20,000 was demanded", "label.1", "The post", "covered.1", "A face and the sound", "label.2", "The car", "covered.2", "The plate")...)
	p.sees("put together", "Two people demanded money, at a post.", "Двое потребовали денег ночью.")
	// Both change the same words: the form comes back with these. While it lies open somebody saves once more.
	ru := func(summary string) []string {
		return append(accepted, "title", "Взятка на въезде", "summary", summary, "place", "Въезд в город", "known.0", "Пост стоит.",
			"claim.0.who", "водитель", "claim.0", "Потребовали 20 000", "label.1", "Пост", "covered.1", "Лицо и звук", "label.2", "Машина", "covered.2", "Номер")
	}
	en := func(title, known string) []string {
		return append(accepted, "title", title, "summary", "Two people demanded money, at a post.", "place", "City gate", "known.0", known,
			"claim.0.who", "driver", "claim.0", "20,000 was demanded", "label.1", "The post", "covered.1", "A face and the sound", "label.2", "The car", "covered.2", "The plate")
	}
	form := func() (version, began string) {
		return regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(p.body)[1], unescape(base.FindStringSubmatch(p.body)[1])
	}
	p.get("/en/cases/1/record?in=en")
	version, began = form()
	send("en", version, began, en("A bribe at the city gate", "There is a post.")...)
	send("en", version, began, en("Bribe at the city gate", "A post stands there.")...)
	send("en", version, began, en("Bribe taken at the city gate", "Two posts stand there.")...)
	if p.code != http.StatusConflict {
		t.Errorf("the same words changed twice: got %d", p.code)
	}
	came, kept := form()
	p.get("/en/cases/1/record?in=ru")
	version, began = form()
	send("ru", version, began, ru("Двое потребовали денег.")...)
	send("en", came, kept, en("Bribe taken at the city gate", "Two posts stand there.")...)
	p.sees("put together", "Bribe taken at the city gate", "Two posts stand there.", "Двое потребовали денег.")
	p.get("/en/cases/1/record?in=en")
	version, began = form()
	send("en", version, began, en("Bribe at the city gate", "There is a post.")...)
}

// second is the other person's part: look, refuse to sign blindly, sign.
func (r *room) second(t *testing.T) {
	t.Helper()
	bolat := r.signedIn("Bolat")
	bolat.get("/en/publish")
	bolat.sees("Bribe at the city gate")
	bolat.get("/en/publish/1")
	bolat.sees("You have not opened the preview yet", "Proposed by", "Aigul")
	manifest := regexp.MustCompile(`name="manifest" value="([^"]+)"`).FindStringSubmatch(bolat.body)[1]
	preview := regexp.MustCompile(`/preview/1/[^"]+`).FindString(bolat.body)
	most := []string{"manifest", manifest, "covers", "1", "words", "1", "place", "1"}
	all := ticked(most...)
	bolat.post("/en/publish/1/approve", all...)
	if bolat.code != http.StatusConflict {
		t.Errorf("signing what was not looked at: got %d, want 409", bolat.code)
	}
	bolat.get(preview)
	bolat.sees("20")
	if bolat.code != http.StatusOK {
		t.Fatalf("preview %s: got %d", preview, bolat.code)
	}
	bolat.get("/en/publish/1")
	bolat.post("/en/publish/1/approve", "manifest", manifest, "covers", "1", "words", "1")
	if bolat.code != http.StatusUnprocessableEntity {
		t.Errorf("signing with a check missing: got %d, want 422", bolat.code)
	}
	bolat.post("/en/publish/1/approve", "manifest", strings.Repeat("0", 64), "covers", "1", "words", "1", "place", "1")
	if bolat.code != http.StatusConflict {
		t.Errorf("signing another manifest: got %d, want 409", bolat.code)
	}
	bolat.post("/en/publish/1/approve", most...)
	if bolat.code != http.StatusConflict {
		t.Errorf("signing without the checklist: got %d, want 409", bolat.code)
	}
	bolat.post("/en/publish/1/approve", all[:len(all)-2]...)
	if bolat.code != http.StatusConflict {
		t.Errorf("signing with one thing of the checklist left out: got %d, want 409", bolat.code)
	}
	bolat.post("/en/publish/1/approve", all...)
	bolat.sees("Signed. It is being published.")
}

// ticked adds the whole checklist to a form.
func ticked(fields ...string) []string {
	fields = slices.Clone(fields)
	for _, item := range casefile.Checklist() {
		fields = append(fields, "checked", item)
	}
	return fields
}

func unescape(s string) string {
	return strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace(s)
}
