package record_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/record"
)

const sum = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"

func words(s string) record.Text { return record.Text{"kk": s, "ru": s} }

// full is a record with every field that a published one can have.
func full() record.Record {
	p := record.Round(43.23871, 76.94554, 2)
	return record.Record{
		Kind: record.Kind, ID: "000123", Version: 2, Previous: sum, Status: record.Published, Day: "2026-11-21",
		Languages: []string{"kk", "ru"}, What: "shooting", Title: words("Title"), Summary: words("One line.\nAnother."),
		Happened: record.Span{From: "2022-01-05", To: "2022-01-06"},
		Place:    record.Place{Words: words("Almaty, the square"), Point: &p},
		Known:    []record.Text{words("Shots were heard.")},
		Claims:   []record.Claim{{Source: words("Police"), Words: words("16 dead"), Day: "2022-01-09"}, {Source: words("Witnesses"), Words: words("73 dead")}},
		Answers:  []record.Answer{{Authority: words("Prosecutor"), Words: words("No case was opened."), Day: "2022-03-01"}},
		Media: []record.Media{{
			ID: "1", Type: "film", Label: words("From a window"), Seconds: record.Seconds(61 * time.Second), Covered: words("Faces; all voices muted"),
			Poster:     &record.File{Rung: "poster", Type: "image/jpeg", SHA256: sum, Size: 5000, Width: 426, Height: 240},
			Files:      []record.File{{Rung: "240p", Type: "video/mp4", SHA256: sum, Size: 773000, Width: 426, Height: 240}},
			Commitment: record.Commit([32]byte{31: 7}, sum),
		}},
		Correction: words("The day was corrected."),
	}
}

func tombstone() record.Record {
	return record.Record{Kind: record.Kind, ID: "000123", Version: 2, Previous: sum, Status: record.Withdrawn, Day: "2026-11-21",
		Reason: record.Text{"en": "A witness asked for it."}}
}

func TestRoundTrip(t *testing.T) {
	for _, r := range []record.Record{full(), tombstone()} {
		doc, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		got, err := record.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	long := strings.Repeat("я", record.MaxTitle+1)
	for _, test := range []struct {
		key    string
		change func(r *record.Record)
	}{
		{"record.not_a_record", func(r *record.Record) { r.Kind = "kua edition" }},
		{"record.id", func(r *record.Record) { r.ID = "123" }},
		{"record.id", func(r *record.Record) { r.ID = "000000" }},
		{"record.version", func(r *record.Record) { r.Version = 0 }},
		{"record.previous", func(r *record.Record) { r.Previous = "" }},
		{"record.previous", func(r *record.Record) { r.Version = 1 }},
		{"record.status", func(r *record.Record) { r.Status = "verified" }},
		{"record.day", func(r *record.Record) { r.Day = "2026-11-21T10:00:00Z" }},
		{"record.no_language", func(r *record.Record) { r.Languages = nil }},
		{"record.language", func(r *record.Record) { r.Languages = []string{"kk", "kk"} }},
		{"record.language", func(r *record.Record) { r.Languages = []string{"KK"} }},
		{"record.what", func(r *record.Record) { r.What = "murder" }},
		{"record.text_missing", func(r *record.Record) { delete(r.Title, "ru") }},
		{"record.text_missing", func(r *record.Record) { r.Summary["kk"] = " \n" }},
		{"record.text_language", func(r *record.Record) { r.Title["tg"] = "x" }},
		{"record.text_too_long", func(r *record.Record) { r.Title["kk"] = long }},
		{"record.text_hidden", func(r *record.Record) { r.Title["kk"] = "a\nb" }},
		{"record.text_hidden", func(r *record.Record) { r.Summary["kk"] = "a\u202eb" }},
		{"record.text_hidden", func(r *record.Record) { r.Summary["kk"] = "a\x00b" }},
		{"record.span", func(r *record.Record) { r.Happened = record.Span{From: "2022-01-06", To: "2022-01-05"} }},
		{"record.span", func(r *record.Record) { r.Happened = record.Span{To: "2022-01-05"} }},
		{"record.span", func(r *record.Record) { r.Happened = record.Span{From: "2022-01", To: "2022-02-05"} }},
		{"record.span", func(r *record.Record) { r.Happened = record.Span{From: "2022-13"} }},
		{"record.point", func(r *record.Record) { r.Place.Point = &record.Point{Lat: 43.23871, Lon: 76.9} }},
		{"record.point", func(r *record.Record) { r.Place.Point = &record.Point{Lat: 91} }},
		{"record.too_many", func(r *record.Record) { r.Known = make([]record.Text, record.MaxItems+1) }},
		{"record.text_missing", func(r *record.Record) { r.Claims[0].Source = nil }},
		{"record.day", func(r *record.Record) { r.Answers[0].Day = "soon" }},
		{"record.media_id", func(r *record.Record) { r.Media[0].ID = sum }},
		{"record.media_id", func(r *record.Record) { r.Media = append(r.Media, r.Media[0]) }},
		{"record.media_type", func(r *record.Record) { r.Media[0].Type = "video" }},
		{"record.media_seconds", func(r *record.Record) { r.Media[0].Seconds = 61 }},
		{"record.media_files", func(r *record.Record) { r.Media[0].Files = nil }},
		{"record.media_file", func(r *record.Record) { r.Media[0].Files[0].Type = "text/html" }},
		{"record.media_file", func(r *record.Record) { r.Media[0].Files[0].SHA256 = "../../etc/passwd" }},
		{"record.media_file", func(r *record.Record) { r.Media[0].Files = append(r.Media[0].Files, r.Media[0].Files[0]) }},
		{"record.media_file", func(r *record.Record) { r.Media[0].Poster.Type = "video/mp4" }},
		{"record.commitment", func(r *record.Record) { r.Media[0].Commitment = "x" }},
		{"record.commitment", func(r *record.Record) { r.Media[0].Redaction = "x" }},
		{"record.text_missing", func(r *record.Record) { r.Correction = nil }},
		{"record.reason_unexpected", func(r *record.Record) { r.Reason = words("x") }},
	} {
		r := full()
		test.change(&r)
		if err := r.Validate(); !errors.Is(err, fault.Invalid(test.key)) {
			t.Errorf("Validate = %v, want %s", err, test.key)
		}
	}
	first := full()
	first.Version, first.Previous = 1, ""
	if err := first.Validate(); !errors.Is(err, fault.Invalid("record.correction_unexpected")) {
		t.Errorf("a corrected first version: %v", err)
	}
}

// TestTombstone holds a withdrawn record to its six members: whatever else a
// record can hold must be refused in it.
func TestTombstone(t *testing.T) {
	if err := tombstone().Validate(); err != nil {
		t.Fatal(err)
	}
	f := full()
	for name, keep := range map[string]func(r *record.Record){
		"languages": func(r *record.Record) { r.Languages = f.Languages }, "what": func(r *record.Record) { r.What = f.What },
		"title": func(r *record.Record) { r.Title = f.Title }, "summary": func(r *record.Record) { r.Summary = f.Summary },
		"happened": func(r *record.Record) { r.Happened = f.Happened }, "place": func(r *record.Record) { r.Place.Words = f.Place.Words },
		"point": func(r *record.Record) { r.Place.Point = f.Place.Point }, "known": func(r *record.Record) { r.Known = f.Known },
		"claims": func(r *record.Record) { r.Claims = f.Claims }, "answers": func(r *record.Record) { r.Answers = f.Answers },
		"media": func(r *record.Record) { r.Media = f.Media }, "correction": func(r *record.Record) { r.Correction = f.Correction },
	} {
		r := tombstone()
		keep(&r)
		if err := r.Validate(); !errors.Is(err, fault.Invalid("record.withdrawn_keeps_words")) {
			t.Errorf("a tombstone that keeps %s: %v", name, err)
		}
	}
	r := tombstone()
	r.Reason = nil
	if err := r.Validate(); !errors.Is(err, fault.Invalid("record.no_reason")) {
		t.Errorf("without a reason: %v", err)
	}
	r = tombstone()
	r.Version, r.Previous = 1, ""
	if err := r.Validate(); !errors.Is(err, fault.Invalid("record.withdrawn_first")) {
		t.Errorf("as the first version: %v", err)
	}
}

func TestFollows(t *testing.T) {
	first := full()
	first.Version, first.Previous, first.Correction = 1, "", nil
	doc, err := first.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	next := full()
	next.Previous = canon.Hash(doc)
	if err := next.Follows(doc); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(r *record.Record){
		"another id": func(r *record.Record) { r.ID = "000124" }, "a gap": func(r *record.Record) { r.Version = 3 },
		"another hash": func(r *record.Record) { r.Previous = sum }, "an earlier day": func(r *record.Record) { r.Day = "2026-11-20" },
	} {
		r := next
		change(&r)
		if err := r.Follows(doc); !errors.Is(err, fault.Invalid("record.broken_chain")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecordHoldsNoOriginalHash publishes a record made from an original whose
// bytes the reader of a seized phone has too: neither the hash, nor a hash of it,
// nor its length to the second, is in the document.
func TestRecordHoldsNoOriginalHash(t *testing.T) {
	original := canon.Hash([]byte("the film on the phone"))
	salt := [32]byte{1, 2, 3}
	r := full()
	r.Media[0].Commitment = record.Commit(salt, original)
	doc, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(original)
	if err != nil {
		t.Fatal(err)
	}
	for _, guess := range []string{original, canon.Hash(raw), canon.Hash([]byte(original)), record.Commit([32]byte{}, original), base64.StdEncoding.EncodeToString(raw)} {
		if strings.Contains(string(doc), guess) {
			t.Errorf("the document holds %s, which follows from the original alone", guess)
		}
	}
	if !strings.Contains(string(doc), record.Commit(salt, original)) {
		t.Error("whoever has the salt cannot find the commitment")
	}
	r.Media[0].ID = original
	if r.Validate() == nil {
		t.Error("a medium can be named by its original's hash")
	}
	r = full()
	r.Media[0].Seconds = 61
	if r.Validate() == nil {
		t.Error("a length can be exact")
	}
}

func TestSeconds(t *testing.T) {
	for in, want := range map[time.Duration]int{0: 0, time.Millisecond: 5, 5 * time.Second: 5, 5*time.Second + 1: 10, time.Minute: 60} {
		if got := record.Seconds(in); got != want {
			t.Errorf("Seconds(%v) = %d, want %d", in, got, want)
		}
	}
}

// vectors are what another program must agree with. They were computed with
// Python's json and hashlib.
type vectors struct {
	Records []struct{ Name, Document, SHA256 string }
	Refused []struct{ Name, Document, Fault string }
	Commit  []struct{ Salt, Original, Commitment string }
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("../../spec/vectors/record.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectors(t *testing.T) {
	v := readVectors(t)
	for _, r := range v.Records {
		got, err := record.Parse([]byte(r.Document))
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		if doc, err := got.Bytes(); err != nil || string(doc) != r.Document || canon.Hash(doc) != r.SHA256 {
			t.Errorf("%s is written as %s, %v", r.Name, doc, err)
		}
	}
	for _, r := range v.Refused {
		if _, err := record.Parse([]byte(r.Document)); !errors.Is(err, fault.Invalid(r.Fault)) {
			t.Errorf("%s: %v, want %s", r.Name, err, r.Fault)
		}
	}
	for _, c := range v.Commit {
		var salt [32]byte
		if n, err := hex.Decode(salt[:], []byte(c.Salt)); err != nil || n != len(salt) {
			t.Fatal(n, err)
		}
		if got := record.Commit(salt, c.Original); got != c.Commitment {
			t.Errorf("Commit(%s, %s) = %s, want %s", c.Salt, c.Original, got, c.Commitment)
		}
	}
	if len(v.Records) < 3 || len(v.Refused) < 5 || len(v.Commit) < 2 {
		t.Errorf("too few vectors: %d, %d, %d", len(v.Records), len(v.Refused), len(v.Commit))
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range readVectors(f).Records {
		f.Add([]byte(r.Document))
	}
	for _, r := range []record.Record{full(), tombstone()} {
		doc, err := r.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := record.Parse(b)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Errorf("an error without words: %v", err)
			}
			return
		}
		if doc, err := r.Bytes(); err != nil || string(doc) != string(b) {
			t.Errorf("%q is written as %q, %v", b, doc, err)
		}
		for _, m := range r.AllFiles() {
			if strings.Contains(m.Path(), "..") || !strings.HasPrefix(m.Path(), "blobs/") {
				t.Errorf("a path leads away: %q", m.Path())
			}
		}
	})
}
