package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/edition"
	"kua/internal/evidence"
	"kua/internal/mirror"
	"kua/internal/parcel"
	"kua/internal/verify"
)

// TestStrangersActOnNoTerminal: what a host makes up, its collective's name and what is
// wrong with its files, neither acts on a terminal nor writes a line of its own.
func TestStrangersActOnNoTerminal(t *testing.T) {
	var out bytes.Buffer
	a, err := newApp(nil, &out, &out, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	const forged = "\x1b[2J\x1b[H\nOK: all is well\u202e"
	log := verify.Log{Origin: forged, Size: 1, Key: forged}
	a.sayReport(verify.Report{
		Log: log, Rotated: &verify.Rotation{Void: 1, OldKey: forged},
		Result: verify.Corrupt, Subject: "https://kua.example.org", Charter: strings.Repeat("0", 64), Name: map[string]string{"en": forged},
		Stamps: []verify.Stamped{{Root: forged}}, Findings: []verify.Finding{{Kind: verify.Corrupt, Path: "charter", Key: "charter.language", Args: []string{forged}}},
	})
	a.sayMirror(mirror.Status{Edition: 1, Freshness: edition.Fresh, Name: map[string]string{"en": forged}, Log: mirror.Log{Origin: forged, Size: 1}})
	a.sayPull(mirror.Result{Log: mirror.Log{Origin: forged, Size: 1}})
	a.sayEvidence(mirror.Judged{What: "fork", Day: forged, Sources: []string{forged}, Old: mirror.Log{Origin: forged}, OldKey: forged})
	if got := out.String(); strings.ContainsAny(got, "\x1b\u202e") || strings.Contains(got, "\nOK") || strings.Count(got, "all is well") != 13 {
		t.Errorf("%q", got)
	}
	out.Reset()
	stranger := casefile.Received{Report: &parcel.Report{What: "bribe", Text: forged, When: forged, Where: forged, Fear: forged}, Originals: []evidence.Original{{ID: 1, Name: forged}}}
	a.sayReceived(stranger)
	a.sayCase(desk.CaseView{Case: casefile.Case{Title: forged}, Reports: []casefile.Received{stranger}, Notes: []casefile.Note{{Text: forged}}})
	if got := out.String(); strings.ContainsAny(got, "\x1b\u202e") || strings.Count(got, "all is well") != 8 || !strings.Contains(got, "\nOK: all is well") {
		t.Errorf("what a witness wrote: %q", got)
	}
	out.Reset()
	said := receivedAsJSON(casefile.Received{Originals: []evidence.Original{{Name: forged + "\u009b2J\x7f ы"}}})
	if err := printJSON(&out, said); err != nil || strings.ContainsAny(out.String(), "\x1b\u202e\u009b\x7f") {
		t.Errorf("as JSON: %q, %v", out.String(), err)
	}
	var back receivedJSON
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Originals[0].Name != said.Originals[0].Name {
		t.Errorf("it comes back as %+v, %v", back.Originals, err)
	}
}
