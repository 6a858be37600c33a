package deskweb

import (
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/likeness"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/parcel"
	"kua/internal/redact"
	"kua/internal/spread"
)

var someDay = time.Date(2026, 11, 20, 14, 30, 0, 0, time.UTC)

// samples gives every page of the app with something in every part of it.
func samples(a *App, lang locale.Tag) map[string]any {
	v := &visit{app: a, lang: lang, path: "/", r: httptest.NewRequest("GET", "/", nil)}
	in := func(room, title string) frame {
		f := v.frame(room, v.t(title))
		f.Person, f.Token, f.Collective, f.Unread, f.Waiting, f.Notice = "Aigul", "token", "Society of Drivers", 2, 1, v.t("deskweb.saved")
		return f
	}
	film := evidence.Original{ID: 3, Name: "VID_20261119.mp4", Type: "video/mp4", Size: 48_200_000, SHA256: strings.Repeat("ab", 32), Parcel: strings.Repeat("cd", 32),
		Medium: evidence.Medium{Kind: evidence.Film, Format: "mov,mp4,m4a", Width: 1280, Height: 720, Milliseconds: 83_000, FramesPer1000: 30_000, Sound: true, Others: 1}}
	report := casefile.Received{
		Parcel: strings.Repeat("cd", 32), Number: 7, Stage: casefile.Whole, Size: 48_900_000, Held: 48_900_000, Day: "2026-11-19", Unread: true, Case: 4,
		Nodes: []string{"https://one.example"}, Originals: []evidence.Original{film},
		Report: &parcel.Report{What: "bribe", Text: "Вчера на посту у въезда в город двое потребовали 20 000.\nУ них был прибор без документов.", When: "вчера вечером", Where: "пост у въезда", Point: &parcel.Point{Lat: 51.16, Lon: 71.45},
			Fear: "Меня узнают по машине.", Language: "ru", Reply: "age1pq1x", Consent: parcel.Consent{Place: true}},
	}
	arriving := report
	arriving.Stage, arriving.Held, arriving.Number, arriving.Originals = casefile.Arriving, 12_000_000, 8, nil
	sealed := casefile.Received{Parcel: strings.Repeat("ef", 32), Number: 9, Stage: casefile.Arriving, Size: 900_000, Day: "2026-11-20", Unread: true}
	refused := casefile.Received{Parcel: strings.Repeat("01", 32), Number: 10, Stage: casefile.Refused, Size: 90_000, Held: 90_000, Day: "2026-11-20", Unread: true, Fault: "keyring.not_for_you"}
	base := in("cases", "deskweb.cases.title")
	case4 := base.caseRow(casefile.Case{ID: 4, Title: "Post at the city gate", State: casefile.Drafting, Assigned: "Bolat", Record: "000012", Opened: someDay, Changed: someDay, Reports: 2})
	node := nodeRow{NodeState: desk.NodeState{URL: "https://one.example", Edition: 11, Behind: true}, Collected: moment(base, someDay)}
	down := nodeRow{NodeState: desk.NodeState{URL: "https://two.example", Fault: errors.New("x")}, Message: "It does not answer.", Hint: "Try later.", FaultAt: moment(base, someDay)}
	running := workRow{Name: v.t("deskweb.work.render"), By: "Aigul", At: moment(base, someDay), State: "running", Percent: 42, Known: true, Left: v.t("deskweb.work.left", "1:05"), Job: 3, Link: "/en/originals/3"}
	failed := workRow{Name: v.t("deskweb.work.render"), By: "Bolat", At: moment(base, someDay), State: "failed", Job: 4, Message: "The film is broken.", Hint: "It is kept.", Finished: true}
	collecting := workRow{Name: v.t("deskweb.work.collect"), By: "Aigul", At: moment(base, someDay), State: "running", Step: "https://one.example", Errand: "collect"}
	derivative := derivativeRow{Derivative: evidence.Derivative{ID: 9, Rung: "240p", Type: "video/mp4", Width: 426, Height: 240, Seconds: 83, Size: 2_300_000}, Source: "/media/derivative/9", Film: true}
	still := derivativeRow{Derivative: evidence.Derivative{ID: 8, Rung: "poster", Type: "image/jpeg", Poster: true, Width: 426, Height: 240, Size: 5_800}, Source: "/media/derivative/8", Photo: true}
	title := casefile.Text{"en": "Bribe at the city gate", "ru": "Взятка на въезде в город"}
	proposal := desk.Proposal{ID: 2, State: desk.Waiting, Edition: 12, Manifest: strings.Repeat("9a", 32), By: "Bolat", At: someDay, Signed: []string{"Bolat"}, Needs: 1,
		Records: []desk.ProposedRecord{{Case: 4, ID: "000012", Version: 1, Title: title, Pages: map[string]string{"ru": "ru/r/0000/000012.html", "en": "en/r/0000/000012.html"}}},
		Changed: []desk.ProposedFile{{Path: "en/r/0000/000012.html", Size: 7000}, {Path: "en/old.html", Removed: true}}}
	pages := map[string]any{}

	pages["sign-in"] = signInView{frame: v.frame("", v.t("deskweb.signin.title")), People: []string{"Aigul", "Bolat", "Dana"}, Name: "Bolat", Open: true, Idle: 30, Error: "Wrong.", ErrorHint: "Again."}
	pages["problem"] = problem{frame: in("", "deskweb.locked"), Status: 403, Message: v.t("deskweb.locked"), Hint: v.t("deskweb.locked.hint"), Kept: []string{"Words that were not saved"}}
	pages["home"] = homeView{frame: in("home", "deskweb.home.title"), Counts: desk.Counts{Unwrapped: 3, Unread: 2, Arriving: 1, Refused: 1, Cases: 5, Unsent: 1, Proposals: 1, Behind: 1, Jobs: 1, Failed: 1}, ForMe: 1,
		Unstamped: []string{v.t("cli.desk.stamp.failed", "https://stamps.example/tsr", 12, v.t("stamp.unreachable"))}, Nodes: []nodeRow{node, down}, NodesDown: 1, Free: 3_000_000_000, FreeLow: true, Running: []workRow{running},
		Collected: &collectedView{When: moment(base, someDay), Collected: desk.Collected{New: 3, Whole: 2, Arriving: 1}, Err: "Stopped.", ErrHint: "Again.", Unreached: []string{"https://two.example"}}}
	pages["work"] = workView{frame: in("", "deskweb.work.title"), Rows: []workRow{running, collecting, failed}, Running: true}
	pages["inbox"] = inboxView{frame: in("inbox", "deskweb.inbox.title"), Total: 31, Pager: base.pager(2, 3, "/inbox?"),
		Reports: []reportRow{base.reportRow(report), base.reportRow(arriving), base.reportRow(sealed), base.reportRow(refused)}}
	alone := report
	alone.Case = 0
	pages["report"] = reportView{frame: in("inbox", "deskweb.inbox.title"), Report: base.reportRow(alone), Cases: []casefile.Case{case4.Case}}
	pages["cases"] = casesView{frame: in("cases", "deskweb.cases.title"), Cases: []caseRow{case4}, Total: 1, States: casefile.States(), Pager: base.pager(1, 2, "/cases?")}
	pages["case"] = caseView{frame: in("cases", "deskweb.cases.title"), Case: case4, Reports: []reportRow{base.reportRow(alone), base.reportRow(arriving)}, Answerable: []reportRow{base.reportRow(report), base.reportRow(arriving)},
		Notes:    []noteRow{{casefile.Note{By: "Dana", Text: "Called the post. Nobody answers."}, moment(base, someDay)}},
		Findings: []findingRow{{casefile.Finding{Subject: "original 3", Reasons: "The sign in the picture is at that post.", By: "Dana"}, v.t("deskweb.grade.plausible"), moment(base, someDay)}},
		Replies:  []replyRow{{Reply: casefile.Reply{By: "Aigul", Text: "We have read it."}, When: moment(base, someDay), To: 7, Left: []leftRow{{"https://two.example", "It does not answer."}}}},
		People:   []string{"Aigul", "Bolat"}, Grades: casefile.Grades(), MaxReply: 6533, Closable: true, Withdrawn: true, Kit: true, Error: "Too long.", ErrorHint: "Shorten it.", Kept: map[string]string{"text": "kept"}}
	pages["custody"] = custodyView{frame: in("cases", "deskweb.custody.title"), Case: 4, Events: []eventRow{{Event: evidence.Event{Sequence: 41, By: "Aigul", Key: "0123456789abcdef", Verb: evidence.Opened, SHA256: strings.Repeat("ab", 32)},
		When: moment(base, someDay), Did: v.t("deskweb.verb.opened"), About: short("parcel " + strings.Repeat("cd", 32))}}}
	pages["original"] = originalView{frame: in("cases", "deskweb.cases.title"), Original: base.originalRow(film), Case: 4, CaseName: "Case 4", Allowed: base.allowed(report), Cleaned: true, Shown: true, Source: "/media/original/3", Player: playerView{frame: base, ID: 3, Timed: true, Playable: true}, Marked: true, Covers: 2, Mutes: 1,
		Warnings: []string{v.t("deskweb.warning.voice"), v.t("deskweb.warning.unreviewed")}, Made: []derivativeRow{derivative, still}, Stale: true, Jobs: []workRow{running, failed}, Running: true,
		Hits: []hitRow{{ID: 1, What: "face", Where: "0:01.000", Film: true, Source: "/media/derivative/9#t=1.000"}, {ID: 2, What: "face", Where: "10, 10", Source: "/media/derivative/8", Why: "an officer", By: "Bolat"}}}
	told := tracesView{frame: in("cases", "deskweb.cases.title"), ID: 3, Kind: v.t("deskweb.kind.film")}
	told.fill(sampleSheet(), tracesFixes)
	pages["traces"] = told
	plan := redact.New("3", 1280, 720, 83*time.Second, false)
	plan.Tracks = []redact.Track{{ID: "t1", Label: "face", W: 160, H: 200, From: 0, To: 20_000, Points: []redact.Point{{X: 400, Y: 200}, {At: 9000, X: 600, Y: 210}}}}
	plan.Mutes, plan.Keeps = []redact.Mute{{ID: "m1", From: 1000, To: 4000}}, []redact.Span{{ID: "k1", From: 5000, To: 6000, Note: "a siren"}}
	plan.Shots = []redact.Shot{{ID: "s1", To: 9000}, {ID: "s2", From: 9000, To: 83_000, Covered: true}}
	plan.Lines = []redact.Line{{ID: "l1", From: 1000, To: 2000, Words: map[string]string{"ru": "Стой", "en": "Stop"}}}
	plan.Suggestions = []redact.Suggestion{{ID: "f1", What: redact.Face, Detector: "d 1", W: 40, H: 40, From: 500, To: 900, Points: []redact.Point{{At: 500, X: 10, Y: 10}}}}
	marker := markerView{frame: in("cases", "deskweb.cases.title"), ID: 3, Name: "Original 3", CaseTitle: "Case 4", Case: "4", Allowed: base.allowed(report), Version: 3}
	marker.Marker, marker.Wrong, marker.WrongHint = true, "No place.", "Write one."
	marker.Player = playerView{frame: base, ID: 3, Timed: true, Copied: true, Playable: true, Source: "/media/viewing/3"}
	if err := marker.describe(film, plan); err != nil {
		panic(err)
	}
	pages["marker"] = marker
	ties := casefile.Warning{ID: "link.looks_like original 3 (00000000)", What: casefile.LooksLike, Original: 3, Links: []casefile.Link{
		{Kind: casefile.LooksLike, Strength: "part", Turned: true, Day: "2026-11-19", Record: "000011", Public: true},
		{Kind: casefile.SameDevice, Day: "2026-11-18", Case: 2}, {Kind: casefile.SameWitness, Day: "2026-11-17"}}}
	record := recordView{frame: in("cases", "deskweb.record.title"), Case: 4, CaseName: "Post at the city gate", Record: "000012", Version: 5, In: "en", Base: "{}", Whats: parcel.Whats(), Errors: map[string]string{"summary": "Missing."},
		Draft: casefile.Draft{Languages: []string{"ru", "en"}, What: "bribe", Title: title, From: "2026-11-19", Known: []casefile.Text{{"ru": "Пост стоит там."}}, Claims: []casefile.Claim{{Source: casefile.Text{"en": "driver"}, Words: casefile.Text{"en": "20,000 was demanded"}, Day: "2026-11-19"}},
			Answers: []casefile.Answer{{Authority: casefile.Text{"en": "police"}, Words: casefile.Text{"en": "No such post"}}}, Place: casefile.Place{Point: &parcel.Point{Lat: 51.1623, Lon: 71.4512}, Coarseness: casefile.Region}, Media: []casefile.Exhibit{{Original: 3}}},
		Exhibits: []exhibitRow{{originalRow: base.originalRow(film), Chosen: true, Label: "The post", Warning: v.t("deskweb.record.stale")}}, Warnings: []warningRow{{casefile.Warning{ID: "face original 3"}, v.t("deskweb.warn.face", "Original 3"), "accepted.face original 3", nil},
			{ties, base.warning(ties), "accepted." + ties.ID, base.linkLines(ties)}},
		Unread: []string{v.t("links.unread.marks", "Original 3", v.t("trace.unknown"))}, Checklist: v.checklist(base),
		Allowed: []string{base.allowed(report)}, Problems: []problemRow{{"Words are missing.", "Write them.", "/en/cases/4/record?in=ru#summary"}}, Wrong: "Somebody saved meanwhile.", WrongWay: "Look."}
	record.tabs()
	record.said()
	record.place()
	pages["record"] = record
	published := errandRow(base, errand{Kind: "publish", By: "Aigul", Started: someDay, Done: 3, Total: 9})
	row := base.proposalRow(proposal)
	pages["publish"] = publishView{frame: in("publish", "deskweb.publish.title"), ForMe: []proposalRow{row}, Others: []proposalRow{row}, Going: []proposalRow{row}, Past: []proposalRow{row}, Ready: []caseRow{case4}, Nodes: []nodeRow{node, down}, Behind: true, Published: &published, Checklist: v.checklist(base)}
	pages["proposal"] = proposalView{frame: in("publish", "deskweb.publish.title"), P: row, Files: proposal.Changed, Pages: 2, CanSign: true, CanDrop: true, Shows: true, Unseen: []string{"Bribe at the city gate"}, Wrong: "Tick.", WrongHint: "All.",
		Records: []recordRow{{proposal.Records[0], "Bribe at the city gate", []pageLink{{locale.Russian, "/preview/2/ru/r/0000/000012.html", true}, {locale.English, "/preview/2/en/r/0000/000012.html", false}},
			[]tieRow{{base.warning(ties), "made up", base.linkLines(ties)}}}}, Checklist: v.checklist(base)}
	pages["withdraw"] = withdrawView{frame: in("cases", "deskweb.withdraw.title"), Case: 4, CaseName: "Post at the city gate", Record: "000012", Languages: []tab{{Tag: locale.Russian}, {Tag: locale.English}}, Kept: map[string]string{"ru": "…"}, Error: "Tick."}
	c := charter.Charter{Version: 2, Made: "2026-10-01", Threshold: 2, Log: charter.Log{Origin: "drivers.example/log"}}
	pages["people"] = peopleView{frame: in("people", "deskweb.people.title"), Charter: c, ID: strings.Repeat("7f", 32), Name: "Society of Drivers", About: "We drive.", Encryption: "hybrid", Nodes: []nodeRow{node},
		People: []personRow{{charter.Person{Name: "Aigul", Since: "2026-01-01"}, "0123456789abcdef", true, true}, {charter.Person{Name: "Old", Since: "2025-01-01", Retired: "2026-01-01"}, "fedcba9876543210", false, false}}}
	pages["spread"], pages["post"] = spreadSamples(in("publish", "spread.title"))
	pages["letter"] = letterView{frame: in("publish", "spread.letter.title"), Channel: spread.Channel{ID: 3, Name: "List", Place: "news@lists.example"}, Number: 2,
		Shown: spread.Message{Language: "ru", Title: "Записи 000001, 000002", Body: "Новое."}, Digest: "ab", Error: "Changed.", ErrorHint: "Look again."}
	return pages
}

// TestEveryPageRenders shows every page in every language with everything on
// it. A key without words would stand in «», a missing value as <no value>.
func TestEveryPageRenders(t *testing.T) {
	a := locked(t, nil)
	inline := regexp.MustCompile(`(?i)<[^>]*\s(style|on[a-z]+)\s*=|<script(?:\s+defer)?>|<style|javascript:|https?://(?:[^"<]*\.(?:js|css|woff))`)
	for _, lang := range locale.Tags() {
		for name, data := range samples(a, lang) {
			var b strings.Builder
			if err := a.pages.Render(&b, name, data); err != nil {
				t.Errorf("%s in %s: %v", name, lang, err)
				continue
			}
			html := b.String()
			if lang == locale.English && strings.Contains(html, "«") || strings.Contains(html, "«deskweb.") {
				i := strings.Index(html, "«")
				t.Errorf("%s in %s: words are missing: %.80s", name, lang, html[i:])
			}
			if strings.Contains(html, "no value") || strings.Contains(html, "ZgotmplZ") || strings.Contains(html, "%!") {
				t.Errorf("%s in %s: a value is missing", name, lang)
			}
			if bad := inline.FindString(html); bad != "" {
				t.Errorf("%s in %s: inline code or style: %s", name, lang, bad)
			}
			if got, want := strings.Count(html, `name="token"`), strings.Count(html, `method="post"`); got != want {
				t.Errorf("%s: %d forms carry a token, want %d", name, got, want)
			}
			if !strings.Contains(html, `<html lang="`+lang.HTML()+`"`) {
				t.Errorf("%s in %s: the page does not name its language", name, lang)
			}
		}
	}
}

// TestEveryTemplateHasASample keeps the test above whole.
func TestEveryTemplateHasASample(t *testing.T) {
	a := locked(t, nil)
	have := samples(a, locale.English)
	for _, name := range []string{"sign-in", "problem", "home", "work", "inbox", "report", "cases", "case", "custody", "original", "traces", "marker", "record", "publish", "proposal", "withdraw", "people", "spread", "post", "letter"} {
		if !a.pages.Has(name) || have[name] == nil {
			t.Errorf("%s: template %v, sample %v", name, a.pages.Has(name), have[name] != nil)
		}
	}
}

// TestWordsThatAreChosenByValue: keys that are put together from a value exist
// for every value there is.
func TestWordsThatAreChosenByValue(t *testing.T) {
	a := locked(t, nil)
	var keys []string
	add := func(prefix string, values ...string) {
		for _, v := range values {
			keys = append(keys, "deskweb."+prefix+"."+v)
		}
	}
	add("what", parcel.Whats()...)
	add("kind", evidence.Film, evidence.Photo, evidence.Sound, evidence.Document, evidence.Unknown, "unseen")
	for _, s := range casefile.States() {
		add("state", string(s))
	}
	for _, g := range casefile.Grades() {
		add("grade", string(g))
	}
	for _, s := range []desk.ProposalState{desk.Waiting, desk.Approved, desk.Done, desk.Declined, desk.Stale} {
		add("proposal", string(s))
	}
	for _, v := range []evidence.Verb{evidence.Collected, evidence.Refused, evidence.Read, evidence.Unread, evidence.Opened, evidence.Probed, evidence.Traced, evidence.Filed, evidence.Noted,
		evidence.Assigned, evidence.Titled, evidence.Found, evidence.Replied, evidence.Marked, evidence.Rendered, evidence.Gated, evidence.LookedOver, evidence.Answered, evidence.Viewed, evidence.Drafted, evidence.Checked, evidence.Proposed,
		evidence.Previewed, evidence.Approved, evidence.Declined, evidence.Published, evidence.Withdrawn, evidence.Closed, evidence.Reopened, evidence.Rewrapped,
		evidence.Chartered, evidence.Anchored, evidence.Disclosed, evidence.Introduced, evidence.Named, evidence.Stamped,
		evidence.Channelled, evidence.Cleared, evidence.Posted, evidence.Recalled, evidence.Judged, evidence.Halted, evidence.Released} {
		add("verb", string(v))
	}
	add("work", "collect", "replies", "publish", "spread", "rewrap", "render", "probe", "trace", "compare", "suggest", "follow", "viewing")
	add("work.state", "waiting", "running", "done", "failed", "cancelled")
	add("warn", "face", "voice", "place")
	add("warn", casefile.LinkKinds()...)
	for _, item := range casefile.Checklist() {
		keys = append(keys, "links.check."+item)
	}
	for _, kind := range casefile.LinkKinds() {
		if kind != casefile.LooksLike {
			keys = append(keys, "links.how."+kind)
		}
	}
	for _, strength := range []likeness.Strength{likeness.Same, likeness.Part, likeness.Like} {
		keys = append(keys, "links.how."+casefile.LooksLike+"."+string(strength))
	}
	add("consent", "face", "voice", "place")
	add("place", "none", string(casefile.Region), string(casefile.Area))
	add("people.encryption", "hybrid", "x25519")
	add("marker.script", scriptWords...)
	for _, word := range moreScriptWords {
		keys = append(keys, "marker.script."+word)
	}
	keys = append(keys, spreadKeys()...)
	for _, key := range keys {
		if !a.cat.Has(key) {
			t.Errorf("the catalogue lacks %s", key)
		}
	}
}

// TestProblemsNameTheirFields: what lacks is told by the words that stand above its field.
func TestProblemsNameTheirFields(t *testing.T) {
	v := &visit{app: locked(t, nil), lang: locale.English, path: "/", r: httptest.NewRequest("GET", "/", nil)}
	for part, want := range map[string]string{
		"title": "Title", "summary": "Summary", "correction": "What this version corrects, and why", "place": "Place, in words", "known 2": "Known 2", "claim 1": "Source 1", "answer 3": "Authority 3",
	} {
		view := recordView{frame: v.frame("cases", ""), Case: 4, In: "ru", Errors: map[string]string{}}
		view.problems([]error{fault.Invalid("record.text_missing", part, "ru"), fault.Invalid("record.text_too_long", part, "en", 300)})
		if got, want := view.Errors[part], "A text is missing: "+want+", in the language Русский."; got != want {
			t.Errorf("%s: got %q, want %q", part, got, want)
		}
		if got := view.Problems[1].Message; !strings.Contains(got, want+", in the language English. Characters allowed: 300") {
			t.Errorf("%s: got %q", part, got)
		}
	}
}

// TestEveryFaultHasAHint reads the faults of this package out of the catalogue.
func TestFaultsAreInWords(t *testing.T) {
	a := locked(t, nil)
	for _, f := range []*fault.Fault{
		fault.Forbidden("deskweb.locked"), fault.Forbidden("deskweb.token"), fault.Invalid("deskweb.form"), fault.Forbidden("deskweb.host", "x"), fault.Forbidden("deskweb.cross_site"),
		fault.TooLarge("deskweb.too_large", 1), fault.Invalid("deskweb.addr", "x"), fault.Invalid("deskweb.needs_tls", "x"), fault.Invalid("deskweb.tls_half"), fault.Conflict("deskweb.listen", "x"),
		fault.Invalid("deskweb.signin.unknown"), fault.Later("deskweb.signin.wait", 1), fault.Invalid("deskweb.case.choose"), fault.Invalid("deskweb.publish.choose"), fault.Conflict("deskweb.approve.unseen"),
		fault.Invalid("deskweb.approve.unchecked"), fault.Conflict("deskweb.approve.other"), fault.Invalid("deskweb.withdraw.unsure"), fault.Conflict("deskweb.withdraw.nothing"), fault.Invalid("deskweb.record.point"),
		fault.Invalid("deskweb.marker.mute_line", "x"), fault.Invalid("deskweb.marker.size_cell", 1), fault.Invalid("deskweb.marker.time_cell", 1), fault.Invalid("deskweb.marker.point_line", 1, "x"), fault.Invalid("marker.shot_line", "x"), fault.Invalid("marker.leave_why"), fault.NotFound("marker.no_job", 1), fault.Conflict("deskweb.marker.nothing_to_mark"),
	} {
		message, hint := page.Fault(a.cat, locale.English, f)
		if hint == "" || strings.Contains(message, "{") || message == "" {
			t.Errorf("%s: message %q, hint %q", f.Key, message, hint)
		}
	}
}
