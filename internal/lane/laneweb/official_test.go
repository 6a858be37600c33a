package laneweb

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"kua/internal/authority"
	"kua/internal/datafile"
	"kua/internal/keyring"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/nodeapi"
	"kua/internal/seal"
	"kua/internal/sqldb"
	"kua/web"
)

// society is to whom a room seals, and a clock that can be moved.
type society struct {
	person *keyring.Person
	now    time.Time
}

func (s *society) on(day string) {
	s.now, _ = time.Parse(time.DateOnly, day)
	s.now = s.now.Add(12 * time.Hour)
}

func (s *society) sealer() lane.Seal {
	return func(plain []byte) ([]byte, error) {
		var b bytes.Buffer
		w, err := seal.Writer(&b, []string{s.person.Recipient()})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(plain); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
}

// sealing is a room with a society, at noon of 28 November 2026.
func sealing(t *testing.T, cfg lane.Config, city fs.FS) (*room, *society) {
	t.Helper()
	p, err := keyring.NewPersonOf(seal.X25519, "aigul")
	check(t, err)
	s := &society{person: p}
	s.on("2026-11-28")
	cfg.Now, cfg.Sealer = func() time.Time { return s.now }, s.sealer
	r := newRoom(t, cfg, 0)
	_, _, _, err = r.lane.Import(t.Context(), city)
	check(t, err)
	return r, s
}

// everything is all that the engine keeps, as bytes: the files of SQLite, or each
// row of each table of PostgreSQL.
func everything(t *testing.T, cfg lane.Config) []byte {
	t.Helper()
	var all bytes.Buffer
	if cfg.URL == "" {
		check(t, filepath.WalkDir(cfg.Dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			all.Write(b)
			return err
		}))
		return all.Bytes()
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: cfg.URL})
	check(t, err)
	defer db.Close()
	var tables []string
	rows, err := db.QueryContext(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
	check(t, err)
	for rows.Next() {
		var name string
		check(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	check(t, rows.Close())
	for _, table := range tables {
		rows, err := db.QueryContext(t.Context(), `SELECT CAST(row_to_json(t) AS text) FROM "`+table+`" t`)
		check(t, err)
		for rows.Next() {
			var row string
			check(t, rows.Scan(&row))
			all.WriteString(row + "\n")
		}
		check(t, rows.Close())
	}
	return all.Bytes()
}

// TestNameIsNotKept makes a report official, reads the letter, keeps it in both
// forms, enters its number and gives it to the collective: the name, the address,
// the contact and the number are afterwards nowhere in what the engine keeps, nor
// in what a file is mapped to memory from; the collective's key alone opens them.
func TestNameIsNotKept(t *testing.T) {
	for name, cfg := range map[string]lane.Config{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: lanetest.Database(t)}} {
		t.Run(name, func(t *testing.T) {
			r, s := sealing(t, cfg, authority.Sample())
			f := draft()
			id := r.tell("manhole", f)
			code := f.Get("code")
			planted := map[string]string{"name": "Kanareika Planted", "address": "Kanareika street 5", "email": "kanareika@planted.example", "number": "KANAREIKA-17", "contact": "kanareika-contact"}
			r.want("POST", "/en/open/send/manhole", f, 200, "sent before", "How the collective can reach you") // offered with the code
			r.want("POST", "/en/open/mine", url.Values{"code": {code}}, 200, "Make this official", "How the collective can reach you")
			r.want("POST", "/en/open/contact", url.Values{"code": {code}, "contact": {planted["contact"] + "-1"}}, 200, "A contact was sealed on")
			for _, page := range []string{"/en/open/case/" + id, "/en/open/", "/en/open/feed", "/en/open/?q=kanareika"} {
				if body := r.want("GET", page, nil, 200); strings.Contains(body, "kanareika-contact") {
					t.Errorf("%s shows the contact", page)
				}
			}
			if strings.Contains(r.want("POST", "/en/open/mine", url.Values{"code": {code}}, 200), "kanareika") {
				t.Error("the holder's own page shows the contact")
			}
			r.want("POST", "/en/open/appeal", url.Values{"code": {code}}, 200, "Write: Appeal", "Appeal</strong>: possible today")
			r.want("POST", "/en/open/letter", url.Values{"code": {code}, "step": {"first"}}, 200, "An anonymous appeal is not considered", `name="name"`, "Ulgi Water Works", f.Get("words"))
			letter := url.Values{"code": {code}, "step": {"first"}, "to": {"water"}, "language": {"ru"}, "words": {"Прошу закрыть люк, выдумано"}, "address": {planted["address"]}, "email": {planted["email"]}}
			body := r.want("POST", "/en/open/letter/look", letter, 422, "The letter lacks a name", planted["address"]) // what was typed is still there
			if strings.Contains(body, "case file") {
				t.Error("the page gives the hint of the command line")
			}
			letter.Set("name", planted["name"])
			look := r.want("POST", "/en/open/letter/look", letter, 200, planted["name"], "Водоканал Үлгі", "Nothing of this has been sent or kept", "I send it myself", "The letter does not give: an identity number", "the collective sends it")
			if strings.Contains(look, "?") && regexp.MustCompile(`(href|action)="[^"]*anareika`).MatchString(look) {
				t.Error("a name stands in an address")
			}
			resp, pdf := r.do("POST", "/en/open/letter/pdf", letter)
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(pdf, "%PDF-") ||
				resp.Header.Get("Content-Disposition") != `attachment; filename="first-ru.pdf"` || !strings.Contains(resp.Header.Get("Cache-Control"), "no-store") {
				t.Errorf("the PDF is answered with %d %v", resp.StatusCode, resp.Header)
			}
			r.want("POST", "/en/open/letter/text", letter, 200, planted["name"], planted["address"], "Прошу закрыть люк")
			enter := url.Values{"code": {code}, "seen": {"0"}, "act": {"submitted"}, "day": {"2026-11-27"}, "authority": {"water"}}
			r.want("POST", "/en/open/attest", enter, 200, "It is entered", "27 November 2026")
			r.want("POST", "/en/open/attest", url.Values{"code": {code}, "seen": {"1"}, "act": {"registered"}, "day": {"2026-11-28"}, "number": {planted["number"]}}, 200, planted["number"])
			if strings.Contains(r.want("GET", "/en/open/case/"+id, nil, 200, "28 November 2026", "says the applicant"), planted["number"]) {
				t.Error("everybody reads the number")
			}
			if kept := everything(t, cfg); bytes.Contains(bytes.ToLower(kept), []byte("kanareika")) || bytes.Contains(kept, []byte(hex.EncodeToString([]byte("anareika")))) {
				t.Error("something planted was kept in the clear")
			} else if !bytes.Contains(kept, []byte("2026-11-27")) {
				t.Error("what was entered is not there either; the search means nothing")
			}
			// Every file that is mapped into memory is one of the engine's or the program's own.
			maps, err := os.ReadFile("/proc/self/maps")
			check(t, err)
			for line := range strings.Lines(string(maps)) {
				if at := strings.Index(line, "/"); at > 0 && cfg.Dir != "" && strings.HasPrefix(line[at:], cfg.Dir) {
					b, err := os.ReadFile(strings.TrimSpace(line[at:]))
					if err != nil || bytes.Contains(bytes.ToLower(b), []byte("kanareika")) {
						t.Errorf("%s holds something planted, or cannot be read: %v", line[at:], err)
					}
				}
			}
			again := url.Values{"code": {code}, "step": {"reminder"}, "language": {"ru"}, "words": {"Напоминаю"}, "name": {planted["name"]}, "contact": {planted["contact"]}}
			s.on("2027-01-20")
			r.want("POST", "/en/open/entrust", again, 200, "waits for the collective", "Reminder of an appeal: given to the collective")
			r.want("POST", "/en/open/entrust", again, 409, "waits with the collective already")
			if kept := everything(t, cfg); bytes.Contains(bytes.ToLower(kept), []byte("kanareika")) {
				t.Error("what was given to the collective was kept in the clear")
			}
			sealed, err := r.lane.Letters(t.Context(), 0, 9)
			if err != nil || len(sealed) != 1 {
				t.Fatalf("Letters = %+v, %v", sealed, err)
			}
			opened, err := s.person.Open(bytes.NewReader(sealed[0].Sealed))
			check(t, err)
			var plain bytes.Buffer
			_, err = plain.ReadFrom(opened)
			check(t, err)
			got, err := nodeapi.ReadLetter(plain.Bytes(), sealed[0].Request)
			if err != nil || !strings.Contains(got.Text, planted["name"]) || !bytes.HasPrefix(got.PDF, []byte("%PDF-")) || got.Contact != planted["contact"] {
				t.Errorf("opened: %+v, %v", got, err)
			}
			r.want("POST", "/en/open/takeback", url.Values{"code": {code}, "letter": {"1"}}, 200)
			r.want("POST", "/en/open/contact", url.Values{"code": {code}, "contact": {""}}, 200, "It may stay empty")
		})
	}
}

// TestNoContactWithoutCharter: where nothing can be sealed no contact and no
// letter is taken, the page says so, and the letter can still be made.
func TestNoContactWithoutCharter(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	f := draft()
	r.tell("manhole", f)
	code := url.Values{"code": {f.Get("code")}}
	if body := r.want("POST", "/en/open/mine", code, 200, "No contact is taken here"); strings.Contains(body, `name="contact"`) {
		t.Error("the page asks for a contact")
	}
	code.Set("contact", "kanareika")
	r.want("POST", "/en/open/contact", code, 409, "Nothing can be sealed")
	letter := url.Values{"code": {f.Get("code")}, "step": {"first"}, "to": {"water"}, "language": {"kk"}, "words": {"Қақпақ жоқ"}, "name": {"Kanareika"}}
	if body := r.want("POST", "/en/open/letter/look", letter, 200, "Not here: the collective has no keys", `lang="kk"`); strings.Contains(body, "/open/entrust") {
		t.Error("the page offers to give it to the collective")
	}
	r.want("POST", "/en/open/entrust", letter, 409, "Nothing can be sealed")
}

// handWorked is the law of the made-up city for TestClocksOnThePage: three
// working days for an answer, one to pass on, at most ten days in all when
// extended; silence counts as a refusal. Its calendar knows 2026 and 2027:
// Saturday 12 December 2026 is worked for Monday 14, the 16th is a holiday.
const handWorked = `country: kz
zone: Asia/Almaty
calendar: kz
rules:
  - {id: t.answer, kind: answer, length: {count: 3, unit: working_days}, begins: next_day, source: {act: {en: Made-up act}, article: "1", seen: [a test]}, from: 2020-01-01, confidence: confirmed}
  - {id: t.forward, kind: forward, length: {count: 1, unit: working_days}, begins: next_day, counted: beyond, source: {act: {en: Made-up act}, article: "2", seen: [a test]}, from: 2020-01-01, confidence: confirmed}
  - {id: t.extension, kind: extension, length: {count: 10, unit: calendar_days}, begins: next_day, day_off: stays, counted: total, source: {act: {en: Made-up act}, article: "3", seen: [a test]}, from: 2020-01-01, confidence: unconfirmed}
silence:
  - {means: deemed_refusal, source: {act: {en: Made-up act}, article: "4", seen: [a test]}, from: 2020-01-01, confidence: unconfirmed}
`

const handWorkedCalendar = `id: kz
weekend: [saturday, sunday]
shift: true
holidays:
  - {date: "01-01", name: {en: New Year}}
  - {date: "12-16", name: {en: Independence Day}}
years:
  - {year: 2026, complete: true, worked: [{day: 2026-12-12}], off: [{day: 2026-12-14, name: {en: for Saturday}}], source: {act: {en: Made-up decree}}}
  - {year: 2027, complete: true, source: {act: {en: Made-up decree}}}
source: {act: {en: Made-up act}}
confidence: confirmed
`

func handWorkedCity(t *testing.T) fs.FS {
	t.Helper()
	m := fstest.MapFS{"law/kz.yaml": {Data: []byte(handWorked)}, "calendars/kz.yaml": {Data: []byte(handWorkedCalendar)}}
	var problems datafile.Problems
	for name, text := range datafile.Folder(authority.Sample(), &problems) {
		m[name] = &fstest.MapFile{Data: text}
	}
	check(t, problems.Err())
	return m
}

// TestClocksOnThePage: days counted by hand arrive at the page that everybody
// reads, with how they came out and what is not sure.
func TestClocksOnThePage(t *testing.T) {
	onEach := map[string]lane.Config{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: lanetest.Database(t)}}
	const submitted, registered = "submitted 2026-12-10 authority=water", "registered 2026-12-11 number=7"
	for engine, cfg := range onEach {
		r, s := sealing(t, cfg, handWorkedCity(t))
		for name, c := range map[string]struct {
			today   string
			entries []string
			want    []string
			lacks   []string
		}{
			// Fri 11 Dec. Sat 12 worked = 1, (13, 14 off), 15 = 2, (16 holiday), Thu 17 = 3.
			"weekend, holiday, moved days": {"2026-12-12", []string{submitted, registered},
				[]string{"<strong>17 December 2026</strong>", "13 December 2026 is a weekend", "14 December 2026 is a day off: for Saturday", "16 December 2026 is a day off: Independence Day", "art. 1", "Nobody has yet compared the rule t.answer"},
				[]string{"Overdue", "12 December 2026 is a weekend"}},
			"not registered, no clock": {"2027-01-20", []string{submitted, "delivered 2026-12-11"}, []string{"runs from the registration"}, []string{"Overdue"}},
			"on the last day":          {"2026-12-17", []string{submitted, registered}, []string{"<strong>17 December 2026</strong>"}, []string{"Overdue"}},
			"overdue, deemed refusal":  {"2026-12-19", []string{submitted, registered}, []string{"Overdue for 2 days", "counts as a refusal since 18 December 2026", "That silence counts as a refusal is not confirmed for kz"}, nil},
			// 11 Dec + 10 days = 21 Dec, the most that the law lets.
			"extended":                    {"2026-12-19", []string{submitted, registered, "extended 2026-12-15 until=2026-12-21"}, []string{"<strong>21 December 2026</strong>", "The rule t.extension is not confirmed"}, []string{"Overdue", "does not count"}},
			"extended beyond the law":     {"2026-12-19", []string{submitted, registered, "extended 2026-12-15 until=2026-12-22"}, []string{"<strong>17 December 2026</strong>", "it does not count", "Overdue for 2 days"}, nil},
			"extended after it was over":  {"2026-12-19", []string{submitted, registered, "extended 2026-12-18 until=2026-12-21"}, []string{"<strong>17 December 2026</strong>", "it does not count"}, nil},
			"answered late, nothing runs": {"2026-12-22", []string{submitted, registered, "answered 2026-12-21"}, []string{"Answered", "21 December 2026"}, []string{"Overdue"}},
			// Passed on by Sat 12 (worked). The new owner registers Tue 15: (16), 17 = 1, 18 = 2, (19, 20), Mon 21 = 3.
			"passed on": {"2026-12-19", []string{submitted, registered, "forwarded 2026-12-12 authority=city-hall", "registered 2026-12-15 number=8"},
				[]string{"Ulgi City Hall", "<strong>21 December 2026</strong>", "<strong>17 December 2026</strong>"}, []string{"Overdue", "later than the law lets it."}},
			"passed on beyond the directory": {"2026-12-19", []string{submitted, registered, "forwarded 2026-12-12 authority=:elsewhere"}, []string{"another body, which is not in the directory"}, []string{"Overdue", ">:elsewhere"}},
			"passed on late":                 {"2026-12-19", []string{submitted, registered, "forwarded 2026-12-15 authority=city-hall"}, []string{"That was later than the law lets it"}, []string{"Overdue"}},
			// 30 Dec 2027: the third working day lies in 2028, which the calendar does not have.
			"expired calendar": {"2028-03-01", []string{"submitted 2027-12-29 authority=water", "registered 2027-12-30 number=7"}, []string{"No day can be given", "The calendar «kz» for 2028 is not known"}, []string{"Overdue", "counts as a refusal"}},
			// New Year's Day 2028 is a Saturday; 2027 ends on Friday: 29, 30, 31 December = 3.
			"the calendar's last day": {"2027-12-30", []string{"submitted 2027-12-28 authority=water", "registered 2027-12-28 number=7"}, []string{"<strong>31 December 2027</strong>"}, []string{"Overdue"}},
		} {
			t.Run(engine+"/"+name, func(t *testing.T) {
				r.t = t
				s.on(c.today)
				f := draft()
				id := r.tell("manhole", f)
				for i, e := range c.entries {
					words := strings.Fields(e)
					form := url.Values{"code": {f.Get("code")}, "seen": {string(rune('0' + i))}, "act": {words[0]}, "day": {words[1]}}
					for _, w := range words[2:] {
						field, value, _ := strings.Cut(w, "=")
						form.Set(field, value)
					}
					r.want("POST", "/en/open/attest", form, 200, "It is entered")
				}
				body := r.want("GET", "/en/open/case/"+id, nil, 200, append(c.want, "Public report", "No legal clock runs for it", "Formal appeal")...)
				for _, l := range c.lacks {
					if strings.Contains(body, l) {
						t.Errorf("the page says %q", l)
					}
				}
			})
		}
	}
}

// TestEscalation: what is possible on a day makes its letter, and what is not
// does not; what nobody confirmed stands beside it.
func TestEscalation(t *testing.T) {
	r, s := sealing(t, lane.Config{Dir: t.TempDir()}, handWorkedCity(t))
	f := draft()
	s.on("2026-12-17")
	r.tell("manhole", f)
	form := func(more ...string) url.Values {
		v := url.Values{"code": {f.Get("code")}, "language": {"ru"}, "words": {"Люк открыт, выдумано"}, "name": {"Айгуль Выдуманова"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	// What was typed of an entry that is not taken is there to be mended, in its form, which is open.
	r.want("POST", "/en/open/attest", form("seen", "0", "act", "submitted", "day", "2031-01-01", "authority", "roads"), 422, `<details open><summary>`, `value="2031-01-01"`, `<option value="roads" selected>`)
	r.want("POST", "/en/open/letter", form("step", "superior"), 409, "The step «Complaint to the superior body» cannot be taken on 17 December 2026", "The appeal itself must be sent first")
	r.want("POST", "/en/open/letter", form("step", "arson"), 404, "There is no step «arson»")
	r.want("POST", "/en/open/attest", form("seen", "0", "act", "submitted", "day", "2026-12-10", "authority", "water"), 200)
	r.want("POST", "/en/open/attest", form("seen", "1", "act", "registered", "day", "2026-12-11", "number", "7-В"), 200, "The answer has time until 17 December 2026")
	r.want("POST", "/en/open/letter/look", form("step", "superior", "body", "Акимат"), 409, "cannot be taken")
	s.on("2026-12-18")
	r.want("POST", "/en/open/letter", form("step", "superior"), 200, "To whom: name of the body", "Ulgi City Hall") // the directory knows who is above
	for step, says := range map[string]string{"reminder": "Прошу", "superior": "Акимат Выдуманный", "prosecutor": "Акимат Выдуманный", "ombudsman": "Акимат Выдуманный", "court": "Акимат Выдуманный"} {
		body := r.want("POST", "/ru/open/letter/look", form("step", step, "body", "Акимат Выдуманный"), 200, says, "Водоканал Үлгі", "7-В", "11 декабря 2026", "Айгуль Выдуманова")
		if step != "superior" && !strings.Contains(body, "не подтверждён") {
			t.Errorf("%s: what is unconfirmed is not said beside it", step)
		}
	}
	r.want("POST", "/en/open/letter/look", form("step", "prosecutor"), 422, "Nobody is named to whom the letter «Complaint to the prosecutor» goes")
	r.want("POST", "/en/open/letter/look", form("step", "reminder", "language", "xx"), 422, "is no language")
	r.want("POST", "/en/open/attest", form("seen", "2", "sent", "reminder", "day", "2026-12-18"), 200, "sent: Reminder of an appeal")
	s.on("2026-12-21")
	r.want("POST", "/en/open/attest", form("seen", "3", "act", "answered", "day", "2026-12-20"), 200, "What do you say of the answer?")
	r.want("POST", "/en/open/attest", form("seen", "4", "says", "not", "day", "2026-12-21"), 200, "did not mend it, as you say")
	r.want("POST", "/ru/open/letter/look", form("step", "superior", "body", "Акимат", "answer", "Мы всё починили", "verdict", "Неправда"), 200, "Мы всё починили", "Неправда")
	r.want("POST", "/en/open/attest", form("seen", "5", "voids", "4"), 200, "<s>")
	if resp, _ := r.do(http.MethodGet, "/en/open/appeal", nil); resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("without the form: %d", resp.StatusCode)
	}
	r.want("POST", "/en/open/appeal", url.Values{"code": {lane.NewCode()}}, 404, "No report belongs to this code")
	r.want("POST", "/en/open/letter/pdf", form("code", "nonsense", "step", "first"), 422, "This is no code")
}

// TestOfficialInABrowser has Chromium make a report official on a small phone, in
// Russian and in Kazakh, without scripts. web/test/official.mjs is the person.
func TestOfficialInABrowser(t *testing.T) {
	r, _ := sealing(t, lane.Config{Dir: t.TempDir()}, authority.Sample())
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	r.server.Config.Handler = mux
	f := draft()
	r.tell("manhole", f)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/official.mjs", r.server.URL, f.Get("code"))
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	letters, err := r.lane.Letters(t.Context(), 0, 9)
	if err != nil || len(letters) != 1 {
		t.Errorf("one letter was given to the collective; there are %d, %v", len(letters), err)
	}
}

// TestOfficialPages holds every page of the second track, in every language, to
// its language, its budget and its headers: no key, no script, nothing kept.
func TestOfficialPages(t *testing.T) {
	r, s := sealing(t, lane.Config{Dir: t.TempDir()}, authority.Sample())
	f := draft()
	r.tell("manhole", f)
	entries := []url.Values{
		{"act": {"submitted"}, "day": {"2026-11-02"}, "authority": {"water"}}, {"act": {"registered"}, "day": {"2026-11-03"}, "number": {"17"}},
		{"act": {"extended"}, "day": {"2026-11-10"}, "until": {"2026-12-20"}, "reason": {"выдумано"}}, {"sent": {"reminder"}, "day": {"2026-11-20"}},
	}
	for i, e := range entries {
		e.Set("code", f.Get("code"))
		e.Set("seen", string(rune('0'+i)))
		r.want("POST", "/en/open/attest", e, 200)
	}
	s.on("2027-01-20")
	letter := url.Values{"code": {f.Get("code")}, "step": {"superior"}, "language": {"ru"}, "body": {"Акимат"}, "words": {"Люк, выдумано"}, "name": {"Айгуль Выдуманова"}, "contact": {"x"}}
	bad := regexp.MustCompile(`(?i)<script|<style| style="| on[a-z]+="|(?:src|href|action)="(?:https?:)?//|assets/missing/|official\.[a-z]|letter\.[a-z]+\.|ZgotmplZ`)
	for _, lang := range locale.Tags() {
		for _, path := range []string{"/mine", "/contact", "/appeal", "/letter", "/letter/look"} {
			resp, body := r.do("POST", "/"+lang.Path()+"/open"+path, letter)
			if resp.StatusCode != 200 || !strings.Contains(body, `<html lang="`+lang.HTML()+`"`) {
				t.Fatalf("%s%s answers %d:\n%s", lang, path, resp.StatusCode, body)
			}
			if m := bad.FindString(body); m != "" {
				t.Errorf("%s%s has %s", lang, path, m)
			}
			if h := resp.Header; !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Set-Cookie") != "" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s%s has the headers %v", lang, path, h)
			}
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write([]byte(body))
			check(t, z.Close())
			if packed.Len() > 8_000 {
				t.Errorf("%s%s has %d bytes compressed, budget 8000", lang, path, packed.Len())
			}
		}
	}
}

// TestSupportersCodeOpensNothing: whoever has the same trouble does nothing that is the
// holder's, neither what their page offers nor what it does not, and nothing comes of trying.
func TestSupportersCodeOpensNothing(t *testing.T) {
	r, _ := sealing(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, authority.Sample())
	f, friend := draft(), lane.NewCode()
	id := r.tell("manhole", f)
	number, err := strconv.ParseInt(id, 10, 64)
	check(t, err)
	check(t, r.lane.Support(t.Context(), number, friend))
	a := r.move(id, delivered, lane.Move{To: lane.InfoNeeded, By: lane.ByOfficial, Reason: "made up"})
	before, err := r.lane.History(t.Context(), number)
	check(t, err)
	for path, more := range map[string]url.Values{
		"contact": {"contact": {"x"}}, "appeal": nil, "attest": {"seen": {"0"}, "act": {"submitted"}, "day": {"2026-11-28"}, "authority": {"water"}}, "takeback": {"letter": {"1"}},
		"letter": {"step": {"first"}}, "letter/look": {"step": {"first"}}, "letter/pdf": {"step": {"first"}}, "letter/text": {"step": {"first"}}, "entrust": {"step": {"first"}},
		"withdraw": {"reason": {"x"}}, "outcome": {"what": {"nothing"}, "on": {"2026-11-28"}}, "add": {"seen": {strconv.Itoa(len(before))}, "words": {"x"}},
		"answer": {"part": {strconv.FormatInt(a.Number, 10)}, "step": {strconv.FormatInt(a.Step, 10)}, "words": {"x"}},
	} {
		form := url.Values{"code": {friend}}
		for name, values := range more {
			form[name] = values
		}
		r.want("POST", "/en/open/"+path, form, 404, "No report belongs to this code")
	}
	after, err := r.lane.History(t.Context(), number)
	if err != nil || len(after) != len(before) {
		t.Errorf("the history has %d events, %v; it had %d", len(after), err, len(before))
	}
	if now, err := r.lane.Appeal(t.Context(), number, ""); err != nil || len(now.Entries) != 0 {
		t.Errorf("the appeal has %+v, %v", now.Entries, err)
	}
	if day, err := r.lane.ContactSince(t.Context(), number); err != nil || day != "" {
		t.Errorf("a contact was kept on %q, %v", day, err)
	}
}
