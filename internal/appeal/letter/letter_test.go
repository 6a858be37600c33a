package letter_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"kua/internal/appeal"
	"kua/internal/appeal/letter"
	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/locale"
)

var words = sync.OnceValue(func() *locale.Catalogue {
	c, err := locale.Load(os.DirFS("../../../web/locales"))
	if err != nil {
		panic(err)
	}
	return c
})

// made is a case in which everything is filled in and nothing is true: it was
// registered in Uzbekistan on Mon 2 November 2026, so the 15 days of the
// calendar, the day itself not counted, end on Tue 17 November.
func made() letter.Case {
	return letter.Case{
		Country: "uz", Language: locale.Uzbek,
		Citizen: letter.Person{Name: "Oʻrnak Gʻulomov", Address: "Namuna koʻchasi, 1", Email: "ornak@citizen.example", Phone: "+000 00", Identity: "AA-000"},
		Bodies: map[string]letter.Body{
			"water": {Names: locale.Texts{"uz": "Namuna suv taʼminoti", "ru": "Водоканал Намуна", "en": "Namuna Water"}, Address: "Bosh maydon, 2"},
			"hall":  {Names: locale.Texts{"uz": "Namuna hokimligi", "ru": "Хокимият Намуна", "en": "Namuna City Hall"}},
			"other": {Names: locale.Texts{"en": "Made-up Office"}},
		},
		To:          map[appeal.StepKind]string{appeal.First: "water", appeal.Superior: "hall", appeal.Prosecutor: "other", appeal.Ombudsman: "other", appeal.Court: "other"},
		Category:    locale.Texts{"uz": "Ochiq quduq", "ru": "Открытый люк", "en": "An open manhole"},
		Description: "The lid is gone (since №\u00a07 \\ “spring”).\n\n\tIt is dark there.\nҚұдық ашық.",
		Place:       "Namuna koʻchasi, 5",
		Photos:      []letter.Photo{{Name: "lid (1).jpg", SHA256: strings.Repeat("0a", 32)}},
		Events: []letter.Event{
			{Act: appeal.Submitted, Day: "2026-10-30", By: appeal.ByCitizen, Authority: "water"},
			{Act: appeal.Delivered, Day: "2026-10-31", By: appeal.ByHouse},
			{Act: appeal.Registered, Day: "2026-11-02", By: appeal.ByCitizen, Number: "S-17"},
		},
	}
}

func with(change func(*letter.Case)) letter.Case {
	c := made()
	change(&c)
	return c
}

// unsent is made before it was sent.
func unsent() letter.Case { return with(func(c *letter.Case) { c.Events = nil }) }

// answered is made with an answer that mended nothing.
func answered() letter.Case {
	return with(func(c *letter.Case) {
		c.Events = append(c.Events, letter.Event{Act: appeal.Answered, Day: "2026-11-10", By: appeal.ByCitizen})
		c.Answer = letter.Answer{Number: "S-17/2", Words: "The lid was put back."}
		c.Verdict = letter.Judged{Says: appeal.NotMended, Words: "It was not."}
	})
}

// shipped is the basis of a country that comes with the program.
func shipped(country string) (letter.Basis, error) {
	book, err := appeal.Shipped()
	if err != nil {
		return letter.Basis{}, err
	}
	return letter.Under(book, country)
}

func basis(t testing.TB, country string) letter.Basis {
	t.Helper()
	b, err := shipped(country)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, c letter.Case, kind appeal.StepKind, lang locale.Tag, day appeal.Day) letter.Letter {
	t.Helper()
	l, err := letter.Make(words(), c, basis(t, c.Country), kind, lang, day)
	if err != nil {
		t.Fatalf("%s in %s: %v", kind, lang, err)
	}
	return l
}

// TestLetter compares one letter with what it must say, word for word.
func TestLetter(t *testing.T) {
	got := write(t, made(), appeal.Superior, locale.English, "2026-11-28").Text()
	want := `To: Namuna City Hall
From: Oʻrnak Gʻulomov
Address: Namuna koʻchasi, 1
E-mail: ornak@citizen.example
Telephone: +000 00
Identity number: AA-000

Complaint to the superior body

The authority complained of: Namuna Water

About: An open manhole

What it is about

The lid is gone (since №` + "\u00a0" + `7 \ “spring”).

	It is dark there.
Құдық ашық.

Place: Namuna koʻchasi, 5

What has happened so far

– 30 October 2026 — submitted to: Namuna Water (attested by: the applicant)
– 31 October 2026 — delivered (attested by: the service that sent it)
– 2 November 2026 — registered under № S-17 (attested by: the applicant)
– By my count the last day for the answer: 17 November 2026
– No answer has come.

The law

I rely on: Law on appeals of individuals and legal entities, ZRU-445 of 11 September 2017

It sets the time for an answer, in days: 15

I ask

– to look into how my appeal was dealt with, and to have the matter decided;
– to tell me in writing what came of it.

Pictures that go with this

1. lid (1).jpg
SHA-256 ` + strings.Repeat("0a", 32) + `

Date: 28 November 2026

Signature: ____________________ Oʻrnak Gʻulomov
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the letter (-want +got):\n%s", diff)
	}
}

// TestWhoSaysWhat: the authority's words and the citizen's stand under headings
// of their own.
func TestWhoSaysWhat(t *testing.T) {
	text := write(t, answered(), appeal.Court, locale.English, "2026-11-28").Text()
	if want := "The answer\n\nNumber: S-17/2\n\nThe lid was put back.\n\nWhat I say of it\n\nIt is not mended.\n\nIt was not.\n\nThe law\n"; !strings.Contains(text, want) {
		t.Errorf("the letter does not hold %q:\n%s", want, text)
	}
}

// squeezed is text without its blanks, composed: what a PDF keeps of it.
func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, norm.NFC.String(s))
}

// extracted gives the text of each page of a PDF as poppler reads it.
func extracted(t *testing.T, pdf []byte) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("pdftotext", "-raw", "-enc", "UTF-8", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\f"), "\f")
}

// samePDF compares a letter's PDF, without its page numbers, with its text.
func samePDF(t *testing.T, l letter.Letter) (pages int) {
	t.Helper()
	pdf, err := l.PDF()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	texts := extracted(t, pdf)
	for i, text := range texts {
		foot := fmt.Sprintf("%d/%d", i+1, len(texts))
		body, found := strings.CutSuffix(squeezed(text), foot)
		if !found {
			t.Errorf("%s in %s: page %d does not end with %s", l.Kind, l.Lang, i+1, foot)
		}
		all.WriteString(body)
	}
	if diff := cmp.Diff(squeezed(l.Text()), all.String()); diff != "" {
		t.Errorf("%s in %s: text and PDF differ (-text +PDF):\n%s", l.Kind, l.Lang, diff)
	}
	return len(texts)
}

// TestTextAndPDF: every kind in every language says the same in both forms, and
// no sentence is missing.
func TestTextAndPDF(t *testing.T) {
	for _, lang := range locale.Tags() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			for _, kind := range appeal.StepKinds {
				c := made()
				switch kind {
				case appeal.First:
					c = unsent()
				case appeal.Prosecutor, appeal.Court:
					c = answered()
				}
				l := write(t, c, kind, lang, "2026-11-28")
				if strings.Contains(l.Text(), "«letter.") {
					t.Errorf("%s: a sentence is missing:\n%s", kind, l.Text())
				}
				if kind == appeal.Court || kind == appeal.First {
					samePDF(t, l)
				}
				if machine := lang != locale.English; machine != hasNote(l, "letter.note.machine") {
					t.Errorf("%s: the notes say of machines: %v", kind, l.Notes)
				}
				if strings.Contains(l.Text(), ";\n\n") {
					t.Errorf("%s: what is asked for does not end:\n%s", kind, l.Text())
				}
			}
			l := write(t, with(func(c *letter.Case) { c.Events = c.Events[:1] }), appeal.Reminder, lang, "2026-11-28")
			if strings.Contains(l.Text(), ";\n\n") {
				t.Errorf("of what was not registered: what is asked for does not end:\n%s", l.Text())
			}
		})
	}
}

func hasNote(l letter.Letter, key string) bool {
	for _, n := range l.Notes {
		if n.Key == key {
			return true
		}
	}
	return false
}

// alphabets are the letters of each language, with the signs that its texts use.
var alphabets = map[string]string{
	"kk":  "АӘБВГҒДЕЁЖЗИЙКҚЛМНҢОӨПРСТУҰҮФХҺЦЧШЩЪЫІЬЭЮЯаәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
	"ky":  "АБВГДЕЁЖЗИЙКЛМНҢОӨПРСТУҮФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнңоөпрстуүфхцчшщъыьэюя",
	"uz":  "ABDEFGHIJKLMNOPQRSTUVXYZabdefghijklmnopqrstuvxyzOʻGʻoʻgʻʼO‘G‘o‘g‘’CcWw",
	"uzc": "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЪЬЭЮЯЎҚҒҲабвгдеёжзийклмнопрстуфхцчшъьэюяўқғҳ",
	"tg":  "АБВГҒДЕЁЖЗИӢЙКҚЛМНОПРСТУӮФХҲЧҶШЪЭЮЯабвгғдеёжзиӣйкқлмнопрстуӯфхҳчҷшъэюя",
	"tk":  "AÇBDEÄFGHIJŽKLMNŇOÖPRSŞTUÜWYÝZaçbdeäfghijžklmnňoöprsştuüwyýz",
	"all": "0123456789 .,:;!?()[]{}«»“”„‘’'\"/\\|–—-_+=*&%$#@<>№§°…€",
}

// TestEveryLetterHasAGlyph: each letter of each alphabet is in the PDF as
// itself, and what the font lacks is told.
func TestEveryLetterHasAGlyph(t *testing.T) {
	c := unsent()
	for _, letters := range alphabets {
		c.Description += "\n" + letters
	}
	l := write(t, c, appeal.First, locale.Kazakh, "2026-11-28")
	samePDF(t, l)
	if hasNote(l, "letter.note.unprintable") {
		t.Errorf("a letter of an alphabet has no glyph: %v", l.Notes)
	}
	c.Description = "\U0001F573 سلام a\u00adb и\u0306"
	l = write(t, c, appeal.First, locale.Kazakh, "2026-11-28")
	pdf, err := l.PDF()
	if err != nil {
		t.Fatal(err)
	}
	if text := squeezed(strings.Join(extracted(t, pdf), "")); !strings.Contains(text, "[U+1F573][U+0633][U+0644][U+0627][U+0645]a[U+00AD]bй") {
		t.Errorf("what the font lacks is not shown by its number: %s", text)
	}
	if !hasNote(l, "letter.note.unprintable") || !strings.Contains(l.Text(), c.Description) {
		t.Errorf("notes = %v; the text must keep every sign: %s", l.Notes, l.Text())
	}
}

// TestLongLettersBreak: long words and long texts are broken over lines and
// pages, nothing falls off.
func TestLongLettersBreak(t *testing.T) {
	c := unsent()
	c.Description = strings.Repeat("Ұзынсөзжоқ", 150) + "\n" + strings.Repeat("қысқа сөздер, көп жол. ", 600)
	if pages := samePDF(t, write(t, c, appeal.First, locale.Kazakh, "2026-11-28")); pages < 4 {
		t.Errorf("%d pages, want at least 4", pages)
	}
}

// TestNumberStaysWithItsSign: no line ends between № and the number.
func TestNumberStaysWithItsSign(t *testing.T) {
	c := unsent()
	c.Description = strings.Repeat("law № 350-VI and ", 60)
	pdf, err := write(t, c, appeal.First, locale.English, "2026-11-28").PDF()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.Join(extracted(t, pdf), "")) {
		if strings.HasSuffix(strings.TrimSpace(line), "№") {
			t.Errorf("a line ends with №: %q", line)
		}
	}
}

// TestSameBytes: a letter is the same PDF each time, and names nobody who made it.
func TestSameBytes(t *testing.T) {
	l := write(t, made(), appeal.Reminder, locale.Tajik, "2026-11-20")
	first, err := l.PDF()
	if err != nil {
		t.Fatal(err)
	}
	for range 24 { // the library walks over a map of two fonts, which Go mostly does in one order
		again, err := write(t, made(), appeal.Reminder, locale.Tajik, "2026-11-20").PDF()
		if err != nil || !bytes.Equal(first, again) {
			t.Fatalf("other bytes: %d and %d, %v", len(first), len(again), err)
		}
	}
	for _, not := range []string{"/Producer", "/Author", "/Creator ", "/ID", "fpdf", "FPDF"} {
		if bytes.Contains(first, []byte(not)) {
			t.Errorf("the PDF holds %s", not)
		}
	}
	days := bytes.Count(first, []byte("(D:"))
	if !bytes.Contains(first, []byte("/Lang (tg)")) || days != 2 || bytes.Count(first, []byte("(D:20261120000000)")) != days {
		t.Error("the PDF does not say its language, or another day than the letter's")
	}
}

// TestNothingUnconfirmedIsAsserted: the times that nobody confirmed, and those
// that a later law may have changed, are in the notes and not in the letter.
func TestNothingUnconfirmedIsAsserted(t *testing.T) {
	for _, c := range []struct {
		country       string
		asserted, not string
		note          string
	}{
		{"uz", "in days: 15", "working", "appeal.doubt.unchecked"},
		{"kz", "article 76", "in working days", "appeal.doubt.recheck"},
		{"kg", "Law of 4 May 2007", "in working days", "appeal.doubt.recheck"},
		{"tj", "No. 1339", "in days", "appeal.doubt.unconfirmed"},
		{"tm", "Law of 3 June 2017", "in months", "appeal.doubt.unconfirmed"},
	} {
		l := write(t, with(func(m *letter.Case) { m.Country, m.Events = c.country, nil }), appeal.First, locale.English, "2026-11-28")
		if text := l.Text(); !strings.Contains(text, c.asserted) || strings.Contains(text, c.not) || !hasNote(l, c.note) {
			t.Errorf("%s: want %q, not %q, and a note %s:\n%s\n%v", c.country, c.asserted, c.not, c.note, text, l.Notes)
		}
	}
	// Nor is the article of a rule that nobody confirmed.
	b := basis(t, "tj")
	b.Law.Rules = append([]appeal.Rule(nil), b.Law.Rules...)
	b.Law.Rules[0].Source.Article = "5"
	doubtful, err := letter.Make(words(), with(func(m *letter.Case) { m.Country, m.Events = "tj", nil }), b, appeal.First, locale.English, "2026-11-28")
	if err != nil || strings.Contains(doubtful.Text(), "article") {
		t.Errorf("tj with an article that nobody confirmed: %v\n%s", err, doubtful.Text())
	}
	// Before the change of the law came, the time is certain.
	l := write(t, with(func(m *letter.Case) { m.Country, m.Events = "kz", nil }), appeal.First, locale.English, "2025-11-28")
	if !strings.Contains(l.Text(), "in working days: 15") {
		t.Errorf("kz in 2025:\n%s", l.Text())
	}
}

// TestDeemedRefusal: registered on Mon 2 November 2026 in Kazakhstan: 3–6 = 4,
// 9–13 = 9, 16–20 = 14, Mon 23 = 15. On Tue 24 silence is a refusal.
func TestDeemedRefusal(t *testing.T) {
	c := with(func(m *letter.Case) { m.Country = "kz" })
	if _, err := letter.Make(words(), c, basis(t, "kz"), appeal.Superior, locale.English, "2026-11-23"); !errors.Is(err, fault.Conflict("letter.not_yet")) {
		t.Errorf("on the last day: %v", err)
	}
	l := write(t, c, appeal.Superior, locale.English, "2026-11-24")
	for _, want := range []string{"article 91(2)", "counts as a refusal"} {
		if !strings.Contains(l.Text(), want) {
			t.Errorf("the complaint does not say %q:\n%s", want, l.Text())
		}
	}
	if strings.Contains(l.Text(), "By my count") || !hasNote(l, "letter.note.silence_unchecked") {
		t.Errorf("the due day leans on a rule that may have changed:\n%s\n%v", l.Text(), l.Notes)
	}
	// A reminder cites no refusal.
	if l := write(t, c, appeal.Reminder, locale.English, "2026-11-24"); strings.Contains(l.Text(), "91(2)") {
		t.Errorf("the reminder:\n%s", l.Text())
	}
	// What is answered and not mended is no silence.
	l = write(t, with(func(m *letter.Case) { *m = answered(); m.Country = "kz" }), appeal.Superior, locale.English, "2026-11-28")
	if strings.Contains(l.Text(), "91(2)") || !hasNote(l, "appeal.road.unconfirmed") {
		t.Errorf("a complaint of an answer:\n%s\n%v", l.Text(), l.Notes)
	}
}

// TestSilence: what the law makes of silence is said where it is confirmed (fines
// in Kyrgyzstan), and told beside the letter where it is not (Uzbekistan).
func TestSilence(t *testing.T) {
	l := write(t, with(func(m *letter.Case) { m.Country = "kg" }), appeal.Superior, locale.English, "2026-12-28")
	if !strings.Contains(l.Text(), "I rely on: Law of July 2025 on fines for officials\n\nBy it, officials answer for a missed time.") {
		t.Errorf("kg:\n%s", l.Text())
	}
	l = write(t, made(), appeal.Superior, locale.English, "2026-12-28")
	if strings.Contains(l.Text(), "officials") || !hasNote(l, "letter.note.silence") {
		t.Errorf("uz:\n%s\n%v", l.Text(), l.Notes)
	}
}

// TestRefuses: each thing that cannot be a letter has its own fault.
func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		want   string
		kind   appeal.StepKind
		day    appeal.Day
		change func(*letter.Case)
	}{
		{"letter.asked", appeal.First, "2026-11-28", func(m *letter.Case) { m.Events, m.Citizen.Name = nil, " " }},
		{"letter.asked", appeal.First, "2026-11-28", func(m *letter.Case) { m.Events, m.Country, m.Citizen.Address = nil, "kg", "" }},
		{"letter.control", appeal.First, "2026-11-28", func(m *letter.Case) { m.Citizen.Name = "a\x1b[2J" }},
		{"letter.control", appeal.First, "2026-11-28", func(m *letter.Case) { m.Citizen.Name = "a\nTo: another" }},
		{"letter.control", appeal.First, "2026-11-28", func(m *letter.Case) { m.Description = "a\u202eb" }},
		{"letter.control", appeal.First, "2026-11-28", func(m *letter.Case) { m.Place = "\xff" }},
		{"letter.too_long", appeal.First, "2026-11-28", func(m *letter.Case) { m.Description = strings.Repeat("a", 100<<10) }},
		{"letter.empty", appeal.First, "2026-11-28", func(m *letter.Case) { m.Description = "\n" }},
		{"letter.no_recipient", appeal.First, "2026-11-28", func(m *letter.Case) { m.Events, m.To = nil, nil }},
		{"letter.no_recipient", appeal.Superior, "2026-11-28", func(m *letter.Case) { m.To = nil }},
		{"letter.no_body", appeal.Superior, "2026-11-28", func(m *letter.Case) { m.To = map[appeal.StepKind]string{appeal.Superior: "nobody"} }},
		{"letter.no_body", appeal.Superior, "2026-11-28", func(m *letter.Case) { m.Events[0].Authority = "nobody" }},
		{"appeal.out_of_order", appeal.Reminder, "2026-11-28", func(m *letter.Case) { m.Events[2].Day = "2026-10-01" }},
		{"appeal.attester", appeal.Reminder, "2026-11-28", func(m *letter.Case) { m.Events[2].Number = "" }},
		{"letter.too_early", appeal.Reminder, "2026-11-01", func(*letter.Case) {}},
		{"letter.sent_order", appeal.Court, "2026-11-28", func(m *letter.Case) { m.Sent = []appeal.Sent{{Kind: appeal.Superior, Day: "2026-01-01"}} }},
		{"letter.not_yet", appeal.First, "2026-11-28", func(*letter.Case) {}},
		{"letter.not_yet", appeal.Reminder, "2026-11-17", func(*letter.Case) {}},
		{"letter.not_yet", appeal.Court, "2026-11-28", func(m *letter.Case) { *m = answered(); m.Verdict.Says = appeal.Mended }},
		{"letter.no_step", "petition", "2026-11-28", func(*letter.Case) {}},
		{"appeal.not_in_force", appeal.First, "2016-01-01", func(m *letter.Case) { m.Events, m.Country = nil, "tm" }},
		{"letter.not_yet", appeal.First, "2016-01-01", func(m *letter.Case) { m.Events, m.Country = nil, "uz" }},
		{"appeal.no_law", appeal.First, "2026-11-28", func(m *letter.Case) { m.Country = "xx" }},
		{"letter.photo_hash", appeal.First, "2026-11-28", func(m *letter.Case) { m.Photos[0].SHA256 = "0A" }},
		{"letter.language", appeal.First, "2026-11-28", func(m *letter.Case) { m.Category = locale.Texts{"xx": "a"} }},
	} {
		m := made()
		m.Photos = append([]letter.Photo(nil), m.Photos...)
		c.change(&m)
		b, err := shipped(m.Country)
		if err == nil {
			if c.want == "appeal.not_in_force" { // the step itself would be shut first
				for i := range b.Road.Steps {
					b.Road.Steps = append([]appeal.Step(nil), b.Road.Steps...)
					b.Road.Steps[i].From = ""
				}
			}
			_, err = letter.Make(words(), m, b, c.kind, locale.English, c.day)
		}
		if f, ok := fault.Of(err); !ok || f.Key != c.want {
			t.Errorf("%s on %s: %v, want %s", c.kind, c.day, err, c.want)
		} else if !words().Has(f.Key) {
			t.Errorf("%s has no words", f.Key)
		}
	}
}

// TestUnknownLawDemandsNothing: where no source says that a name is needed the
// letter is made without one, and the notes say so.
func TestUnknownLawDemandsNothing(t *testing.T) {
	l := write(t, with(func(m *letter.Case) { m.Country, m.Events, m.Citizen = "tj", nil, letter.Person{} }), appeal.First, locale.English, "2026-11-28")
	if !hasNote(l, "letter.note.asks") || strings.Contains(l.Text(), "From:") {
		t.Errorf("%s\n%v", l.Text(), l.Notes)
	}
}

// TestSampleReads: the sample that the program hands out makes a letter.
func TestSampleReads(t *testing.T) {
	for events, text := range map[int]string{0: string(letter.Sample()), 4: uncommented(string(letter.Sample()))} {
		var problems datafile.Problems
		c, ok := letter.Read("case.yaml", []byte(text), &problems)
		if !ok {
			t.Fatalf("%v", problems)
		}
		steps, _, err := c.Steps(basis(t, c.Country), "2026-11-28")
		if err != nil || len(steps) != 7 || len(c.Events) != events || steps[0].Open != (events == 0) {
			t.Errorf("%d steps of %d events, %v; want 7 of %d", len(steps), len(c.Events), err, events)
		}
	}
}

// uncommented is the sample with what happened to it.
func uncommented(s string) string {
	for _, field := range []string{"# events:", "#   - {", "# answer:", "# verdict:", "# sent:"} {
		s = strings.ReplaceAll(s, field, strings.TrimPrefix(strings.TrimPrefix(field, "#"), " "))
	}
	return s
}

// TestReadSaysWhere: a mistake in a file is named with its line.
func TestReadSaysWhere(t *testing.T) {
	text := strings.Replace(string(letter.Sample()), "first: roads", "first: nobody", 1)
	line := strings.Count(text[:strings.Index(text, "first: nobody")], "\n") + 1
	var problems datafile.Problems
	if _, ok := letter.Read("case.yaml", []byte(text), &problems); ok || len(problems) != 1 || problems[0].Line != line || problems[0].What.Key != "letter.no_body" {
		t.Errorf("%+v, want letter.no_body on line %d", problems, line)
	}
}

// FuzzLetter: whatever people write, it is refused with a fault or stands in the
// letter whole, and the PDF is made.
func FuzzLetter(f *testing.F) {
	f.Add("Үлгі", "a", "It is dark.", "there", "S-17", "no")
	f.Add("{0}", "{1}", "«letter.to»\n{9}", "\\(", "\u2028", "%s")
	f.Add("e\u0301", "ﷺ", "\U0001F573\ufeff", "\u00ad", "x\uffff", "\ue000")
	f.Fuzz(func(t *testing.T, name, address, description, place, number, answer string) {
		c := answered()
		c.Citizen = letter.Person{Name: name, Address: address}
		c.Description, c.Place, c.Events[2].Number = description, place, number
		c.Answer.Words, c.Verdict.Words = answer, answer
		l, err := letter.Make(words(), c, basis(t, "uz"), appeal.Superior, locale.UzbekCyrillic, "2026-11-28")
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Errorf("no fault: %v", err)
			}
			return
		}
		text := l.Text()
		for _, s := range []string{name, address, strings.TrimRight(description, "\r\n"), place, number, strings.TrimRight(answer, "\r\n")} {
			if !strings.Contains(text, s) {
				t.Errorf("%q is not in the letter:\n%s", s, text)
			}
		}
		if pdf, err := l.PDF(); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
			t.Errorf("no PDF: %v", err)
		}
	})
}

// FuzzRead: whatever is in a case file, it is refused with a reason or can be asked for its steps.
func FuzzRead(f *testing.F) {
	f.Add(letter.Sample())
	f.Add([]byte(uncommented(string(letter.Sample()))))
	f.Fuzz(func(t *testing.T, text []byte) {
		var problems datafile.Problems
		c, ok := letter.Read("case.yaml", text, &problems)
		if !ok {
			if problems.Errors() == 0 {
				t.Error("refused without a reason")
			}
			return
		}
		b, err := shipped(c.Country)
		if err != nil {
			return
		}
		for _, kind := range appeal.StepKinds {
			if l, err := letter.Make(words(), c, b, kind, locale.Russian, "2026-11-28"); err == nil && !strings.Contains(l.Text(), strings.TrimRight(c.Description, "\r\n")) {
				t.Error("the description is not in the letter")
			}
		}
	})
}
