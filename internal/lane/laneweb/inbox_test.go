package laneweb

import (
	"encoding/csv"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/locale"
)

var picks = regexp.MustCompile(`name="part" value="(\d+\.\d+)"`)

// parts gives what a page offers to choose, or carries as chosen.
func parts(body string) (all []string) {
	for _, m := range picks.FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	return all
}

// water tells reports that the water works have in their inbox.
func (r *room) water(words ...string) (ids []string) {
	r.t.Helper()
	for _, w := range words {
		f := draft("words", w)
		f.Del("q.cover")
		ids = append(ids, r.tell("water", f))
	}
	return ids
}

// TestInboxPage: the inbox has what is open, oldest first; its filters, its order
// and its search narrow it; a colleague can be given a report and is named to
// colleagues alone: never on a public page, to another authority, in a history, nor in the table.
func TestInboxPage(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, days *atomic.Int64) {
		boss, roads := r.hired("water", "Aliya Headova", true), r.hired("roads", "Road office", false)
		mate := r.hired("water", "Bolat Deskov", false)
		ids := r.water("Нет воды, первое", "Нет воды, второе", "=HYPERLINK(\"x\") третье, нет воды")
		r.move(ids[0], delivered, lane.Move{To: lane.Planned, By: lane.ByOfficial, On: "2026-11-29"})
		r.move(ids[1], delivered, lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: "Made up"})
		const at = "/en/open/office/"
		has := func(path string, want ...string) string {
			t.Helper()
			body := boss.ask("GET", at+path, nil, 200)
			last := -1
			for _, id := range ids {
				is := strings.Contains(body, "№ "+id+" ·")
				wanted := false
				for _, w := range want {
					wanted = wanted || w == id
				}
				if is != wanted {
					t.Errorf("%s: report %s is there: %v", path, id, is)
				}
			}
			for _, w := range want {
				if place := strings.Index(body, "№ "+w+" ·"); place < last {
					t.Errorf("%s: not in the order %v", path, want)
				} else {
					last = place
				}
			}
			return body
		}
		has("", ids[0], ids[2])
		has("?order=new", ids[2], ids[0])
		has("?state=closed", ids[1])
		has("?state=all", ids...)
		has("?state=planned", ids[0])
		has("?state=all&q="+ids[1], ids[1])
		has("?state=all&q=ВТОРОЕ", ids[1])
		has("?what=manhole")
		has("?area=south&what=water", ids[0], ids[2])
		has("?late=1")
		has("?track=appeal")
		has("?after=."+partOf(t, r, ids[0]), ids[2])
		has("?after=rubbish&what=none&area=none&who=x&state=x&order=x&track=x", ids[0], ids[2])
		days.Store(2)
		boss.back()
		mate.back()
		roads.back()
		has("?late=1", ids[0])
		if body := has("?state=all", ids...); !strings.Contains(body, "that day is over") {
			t.Error("what was planned and not done is not said")
		}
		// Somebody sees to it.
		part := at + "part/" + partOf(t, r, ids[0])
		number := strconv.FormatInt(mate.me.Number, 10)
		boss.ask("POST", part+"/assign", boss.form("person", number), 200, `role="status"`, "report "+ids[0]+" assigned to Bolat Deskov, by Aliya Headova")
		boss.ask("POST", part+"/assign", boss.form("person", number), 200) // twice is once
		has("?who="+number, ids[0])
		has("?who=0", ids[2])
		has("?who=me")
		mate.ask("GET", at+"?who=me", nil, 200, "Bolat Deskov sees to it")
		mate.ask("POST", part, mate.form("step", "2", "to", "in_work", "reason", "On our way"), 200, "report "+ids[0]+": in work, by Bolat Deskov")
		boss.ask("GET", at+"people", nil, 200, "report "+ids[0]+": in work, by Bolat Deskov")
		boss.ask("POST", part+"/assign", boss.form("person", strconv.FormatInt(roads.me.Number, 10)), 404)
		boss.ask("POST", part+"/assign", boss.form("person", "x"), 422)
		roads.ask("POST", part+"/assign", roads.form("person", strconv.FormatInt(roads.me.Number, 10)), 404)
		boss.ask("POST", part+"/assign", url.Values{"person": {number}}, 403) // without the session's token
		if traces, err := r.lane.AccountTraces(t.Context(), "water", 2); err != nil || traces[0].What != "to_in_work" || traces[0].By != mate.me.Number || traces[1].What != "assigned" {
			t.Errorf("AccountTraces = %+v, %v", traces, err)
		}
		table := boss.ask("GET", at+"inbox.csv?state=all", nil, 200)
		rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
		if err != nil || len(rows) != 4 || rows[1][0] != ids[0] || rows[3][16] != "'=HYPERLINK(\"x\") третье, нет воды" || !strings.Contains(table, "\r\n") {
			t.Errorf("the table is %q, %v", rows, err)
		}
		one, err := csv.NewReader(strings.NewReader(boss.ask("GET", at+"inbox.csv?state=closed", nil, 200))).ReadAll()
		if err != nil || len(one) != 2 || one[1][0] != ids[1] {
			t.Errorf("the narrowed table is %q, %v", one, err)
		}
		_, link := r.sent("manhole", draft())
		id, err := strconv.ParseInt(ids[0], 10, 64)
		check(t, err)
		r.want("GET", at+"inbox.csv", nil, 200, "Sign in for an authority")
		_, data := r.get("/en/open/data/cases.jsonl")
		_, page := r.get("/en/open/case/" + ids[0])
		_, ofLink := r.get("/en/open/at/" + link)
		_, linked := r.get("/en/open/at/" + r.linkTo(id))
		for name, body := range map[string]string{"the table": table, "the case": page, "the data": data, "a link": ofLink, "its link": linked, "another's inbox": roads.ask("GET", at+"?state=all", nil, 200)} {
			if strings.Contains(body, "Deskov") || strings.Contains(body, "Headova") {
				t.Errorf("%s names an official:\n%s", name, body)
			}
		}
		history, err := r.lane.History(t.Context(), id)
		check(t, err)
		if last := history[len(history)-1]; last.To != lane.InWork || last.By != lane.ByOfficial {
			t.Errorf("the history ends with %+v", last)
		}
	})
}

// back signs an official in anew, by a code that was written down.
func (o *official) back() {
	o.t.Helper()
	resp, body := o.signIn(o.me.Name, password, o.codes[0])
	if o.codes = o.codes[1:]; resp.StatusCode != 303 {
		o.t.Fatalf("signing in answers %d:\n%s", resp.StatusCode, body)
	}
	o.session = resp.Cookies()[0].Value
}

func partOf(t *testing.T, r *room, id string) string {
	t.Helper()
	return strconv.FormatInt(r.move(id).Number, 10)
}

// TestTemplates: an authority's own words, changed and deleted by its accounts
// alone, with two places and no other; put into the answer without a script, where they skip nothing.
func TestTemplates(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		o, roads := r.hired("water", "Duty desk", false), r.hired("roads", "Road office", false)
		const at = "/en/open/office/templates"
		number := regexp.MustCompile(`name="number" value="(\d+)"`)
		f := o.form("do", "keep", "title", " Burst  pipe ", "language", "ru", "words", "Обращение {number}: авария, {date}.")
		for range 2 {
			o.ask("POST", at, f, 200, `role="status"`, "Burst pipe")
		}
		body := o.ask("GET", at, nil, 200)
		if n := len(number.FindAllString(body, -1)); n != 1 {
			t.Fatalf("kept twice are %d", n)
		}
		n := number.FindStringSubmatch(body)[1]
		o.ask("POST", at, o.form("do", "keep", "title", "Burst pipe", "language", "ru", "words", "Another"), 409, "Another")
		for _, bad := range [][2]string{{"", "x"}, {"x", " "}, {"x", "Dear {name}"}, {"x", "{number"}, {"x", "}"}, {"x", "{{number}}"}, {"x\u202e", "x"}, {strings.Repeat("x", 81), "x"}, {"x", strings.Repeat("x", 4001)}} {
			o.ask("POST", at, o.form("do", "keep", "title", bad[0], "language", "en", "words", bad[1]), 422)
		}
		o.ask("POST", at, o.form("do", "keep", "title", "x", "language", "xx", "words", "x"), 422)
		o.ask("POST", at, o.form("do", "nothing"), 422)
		if body := roads.ask("GET", at, nil, 200); strings.Contains(body, "Burst") {
			t.Error("another authority's template is shown")
		}
		roads.ask("POST", at, roads.form("do", "keep", "number", n, "title", "Stolen", "language", "ru", "words", "x"), 404)
		roads.ask("POST", at, roads.form("do", "delete", "number", n), 200)
		o.ask("POST", at, o.form("do", "keep", "number", n, "title", "Burst", "language", "ru", "words", "Обращение {number}: авария, {date}, чиним."), 200)
		id := r.water("Нет воды, выдумано")[0]
		part := "/en/open/office/part/" + partOf(t, r, id)
		o.ask("GET", part+"?template="+n, nil, 200, "Обращение "+id+": авария, "+o.date("ru")+", чиним.</textarea>")
		if body := o.ask("GET", part+"?template=999", nil, 200); strings.Contains(body, "авария, ") {
			t.Error("a template that is not there was put in")
		}
		manhole := "/en/open/office/part/" + partOf(t, r, r.tell("manhole", draft()))
		body = o.ask("GET", manhole+"?template="+n, nil, 200)
		o.ask("POST", manhole, o.form("step", shownStep.FindStringSubmatch(body)[1], "to", "answered_mended", "reason", "Обращение"), 422) // still without its photo
		o.ask("POST", at, o.form("do", "delete", "number", n), 200)
		o.ask("POST", at, o.form("do", "delete", "number", n), 200)
		o.ask("POST", at, o.form("do", "keep", "number", n, "title", "Burst", "language", "ru", "words", "Kept words"), 404)
		if body := o.ask("GET", at, nil, 200); strings.Contains(body, "Burst") {
			t.Error("what was deleted is there")
		}
	})
}

func (o *official) date(lang string) string {
	for _, tag := range locale.Tags() {
		if string(tag) == lang {
			return tag.Date(string(o.lane.Today()))
		}
	}
	return ""
}

// TestBulk: one answer for several reports says beforehand which cannot have it and
// why, gives each its own event, once however often it is sent, and leaves the others as they are.
func TestBulk(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		o, roads := r.hired("water", "Duty desk", false), r.hired("roads", "Road office", false)
		ids := r.water("Нет воды, первое", "Нет воды, второе", "Нет воды, третье")
		ids = append(ids, r.tell("manhole", draft()))
		r.move(ids[2], delivered, lane.Move{To: lane.InWork, By: lane.ByOfficial})
		const at = "/en/open/office/bulk"
		chosen := parts(o.ask("GET", "/en/open/office/", nil, 200))
		if len(chosen) != 4 {
			t.Fatalf("to choose are %v", chosen)
		}
		with := func(who *official, do, to, reason string, parts ...string) url.Values {
			f := who.form("do", do, "to", to, "reason", reason)
			f["part"] = parts
			return f
		}
		o.ask("POST", at, with(o, "", "", ""), 422, "Nothing was chosen")
		o.ask("POST", at, with(o, "", "", "", make([]string, 51)...), 422, "At most 50")
		o.ask("POST", at, with(o, "", "", "", "x.y"), 422)
		o.ask("POST", at, with(o, "", "", "", chosen...), 200, "Answer several together")
		// In work: not the one that is in work already. Mended: not the one that needs a photo. Refused: with a reason.
		body := o.ask("POST", at, with(o, "look", "in_work", "Report {number} is looked at", chosen...), 200, "3 can have this answer", "Not this one")
		if can := parts(body); len(can) != 3 {
			t.Errorf("in work can be %v", can)
		}
		o.ask("POST", at, with(o, "look", "answered_mended", "", chosen...), 200, "3 can have this answer", "needs a photo")
		o.ask("POST", at, with(o, "go", "answered_refused", "", chosen...), 200, "0 stand so now")
		o.ask("POST", at, with(o, "go", "registered", "", chosen...), 200, "no answer that several can have")
		o.ask("POST", at, with(o, "go", "withdrawn", "", chosen...), 200, "no answer that several can have")
		if s := r.move(ids[0]).State; s != lane.Routed {
			t.Fatalf("looking moved it to %s", s)
		}
		// Another authority's, and what is not there.
		if body := roads.ask("POST", at, with(roads, "go", "in_work", "", chosen...), 200, "0 stand so now"); strings.Contains(body, "воды") {
			t.Error("another authority's report is shown")
		}
		o.ask("POST", at, with(o, "go", "in_work", "", "99999.0"), 200, "0 stand so now")
		go1 := with(o, "go", "in_work", "Report {number} is looked at", parts(body)...)
		o.ask("POST", at, go1, 200, "3 stand so now", "Answered.")
		o.ask("POST", at, go1, 200, "3 stand so now", "is not answered twice")
		for i, id := range []string{ids[0], ids[1], ids[3]} {
			number, err := strconv.ParseInt(id, 10, 64)
			check(t, err)
			history, err := r.lane.History(t.Context(), number)
			check(t, err)
			if last := history[len(history)-1]; len(history) != 3 || last.To != lane.InWork || last.Reason != "Report "+id+" is looked at" {
				t.Errorf("%d: the history is %+v", i, history)
			}
		}
		// What moved meanwhile is left, the others are not.
		stale := parts(o.ask("GET", "/en/open/office/", nil, 200))
		r.move(ids[0], lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: "Made up"})
		o.ask("POST", at, with(o, "go", "planned", "", stale...), 200, "0 stand so now") // without a day
		f := with(o, "go", "planned", "", stale...)
		f.Set("on", string(o.lane.Today()))
		o.ask("POST", at, f, 200, "3 stand so now", "Not this one")
		if s := r.move(ids[0]).State; s != lane.Refused {
			t.Errorf("what was refused stands as %s", s)
		}
		traces, err := r.lane.AccountTraces(t.Context(), "water", 3)
		if err != nil || traces[0].What != "to_planned" || traces[2].What != "to_planned" || traces[0].By != o.me.Number || traces[0].Day != appeal.Day(r.lane.Today()) {
			t.Errorf("AccountTraces = %+v, %v", traces, err)
		}
	})
}

// TestAttestOnThePage: an authority attests on its link's page and with its account
// what it did with a formal appeal; everybody sees that it was the authority, the holder
// alone the number, colleagues alone whose account it was.
func TestAttestOnThePage(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		o := r.hired("water", "Bolat Deskov", false)
		f := draft()
		id, token := r.sent("manhole", f)
		code, number := f.Get("code"), strconv.FormatInt(id, 10)
		part := "/en/open/office/part/" + partOf(t, r, number)
		if body := r.want("GET", "/en/open/at/"+token, nil, 200); strings.Contains(body, "Formal appeal</h2>") {
			t.Error("an appeal is shown where there is none")
		}
		r.want("POST", "/en/open/at/"+token+"/appeal", url.Values{"seen": {"0"}, "act": {"registered"}, "day": {"2026-11-28"}}, 404, "No formal appeal lies with you")
		r.want("POST", "/en/open/attest", url.Values{"code": {code}, "seen": {"0"}, "act": {"submitted"}, "day": {"2026-11-20"}, "authority": {"water"}}, 200)
		r.want("GET", "/en/open/at/"+token, nil, 200, "Formal appeal</h2>", "We registered it", "sealed to the writer")
		r.want("POST", "/en/open/at/"+token+"/appeal", url.Values{"seen": {"1"}, "act": {"registered"}, "day": {"2026-11-23"}, "number": {"К-4711"}}, 200, `role="status"`, "It takes longer")
		r.want("POST", "/en/open/at/"+token+"/appeal", url.Values{"seen": {"2"}, "act": {"submitted"}, "day": {"2026-11-23"}}, 422)
		r.want("POST", "/en/open/at/"+token+"/appeal", url.Values{"seen": {"x"}, "act": {"registered"}, "day": {"2026-11-23"}}, 422)
		o.ask("GET", "/en/open/office/?track=appeal", nil, 200, "Formal appeal: to be answered until")
		r.want("POST", "/en/open/office/part/1/appeal", url.Values{"seen": {"2"}, "act": {"answered"}, "day": {"2026-11-27"}}, 403)
		o.ask("POST", part+"/appeal", o.form("seen", "2", "act", "answered", "day", "2026-11-27"), 200, `role="status"`, "by Bolat Deskov")
		for _, path := range []string{"/en/open/case/" + number, "/en/open/at/" + token} {
			body := r.want("GET", path, nil, 200, "says the authority")
			if strings.Contains(body, "4711") || strings.Contains(body, "Deskov") {
				t.Errorf("%s shows too much:\n%s", path, body)
			}
		}
		r.want("POST", "/en/open/appeal", url.Values{"code": {code}}, 200, "4711", "This did not happen")
		r.want("POST", "/en/open/attest", url.Values{"code": {code}, "seen": {"3"}, "voids": {"3"}}, 200, "the writer says that what the authority attested in line 3 did not happen")
		o.ask("GET", "/en/open/office/?track=appeal", nil, 200, "Formal appeal: to be answered until") // the clock runs on
	})
}

// TestCalendar: an authority sees its year with what is not sure of it, and by when
// it has something to do, its own alone; the file is iCalendar as RFC 5545 writes it, with the same.
func TestCalendar(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		o, roads := r.hired("water", "Duty desk", false), r.hired("roads", "Road office", false)
		const at = "/en/open/office/calendar"
		o.ask("GET", at, nil, 200, "Nothing is planned", "saturday"[1:], "is not confirmed", "Today is 28 November 2026")
		o.ask("GET", at+"?year=2030", nil, 200, "does not know 2030")
		o.ask("GET", at+"?year=9999999999999999999", nil, 200, "in 2026")
		ids := r.water("Нет воды, выдумано")
		r.move(ids[0], delivered, lane.Move{To: lane.Planned, By: lane.ByOfficial, On: "2026-12-24"})
		f := draft()
		id, token := r.sent("manhole", f)
		r.want("POST", "/en/open/attest", url.Values{"code": {f.Get("code")}, "seen": {"0"}, "act": {"submitted"}, "day": {"2026-11-20"}, "authority": {"water"}}, 200)
		r.want("POST", "/en/open/at/"+token+"/appeal", url.Values{"seen": {"1"}, "act": {"registered"}, "day": {"2026-11-23"}}, 200)
		number := strconv.FormatInt(id, 10)
		body := o.ask("GET", at, nil, 200, "Report "+ids[0]+": planned by you", "Report "+number+": answer to the formal appeal is due")
		if strings.Index(body, "14 December 2026") > strings.Index(body, "24 December 2026") {
			t.Error("the days are not in their order")
		}
		if body := roads.ask("GET", at, nil, 200); strings.Contains(body, "planned by you") {
			t.Error("another authority's days are shown")
		}
		r.want("GET", at+".ics", nil, 200, "Sign in for an authority")
		file := o.ask("GET", strings.Replace(at, "/en/", "/kk/", 1)+".ics", nil, 200)
		for line := range strings.SplitSeq(strings.TrimSuffix(file, "\r\n"), "\r\n") {
			if len(line) > 75 || strings.ContainsAny(line, "\r\n") || !utf8.ValidString(line) {
				t.Errorf("a line of %d octets: %q", len(line), line)
			}
		}
		if !strings.Contains(file, "\r\n ") {
			t.Error("no line was folded: the test shows nothing of it")
		}
		whole := strings.ReplaceAll(file, "\r\n ", "")
		for _, want := range []string{"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "DTSTART;VALUE=DATE:20261214\r\nDTEND;VALUE=DATE:20261215\r\nSUMMARY:" + number + " ", "DTSTART;VALUE=DATE:20261224\r\n", "DTSTART;VALUE=DATE:20261216\r\n", "END:VEVENT\r\nEND:VCALENDAR\r\n"} {
			if !strings.Contains(whole, want) {
				t.Errorf("the file lacks %q:\n%s", want, whole)
			}
		}
		if strings.Contains(whole, "воды") || strings.Count(whole, "BEGIN:VEVENT") != strings.Count(whole, "UID:") {
			t.Errorf("the file is\n%s", whole)
		}
	})
}
