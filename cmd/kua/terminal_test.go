package main

import (
	"bytes"
	"strings"
	"testing"

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
	a.sayReport(verify.Report{
		Result: verify.Corrupt, Subject: "https://kua.example.org", Charter: strings.Repeat("0", 64), Name: map[string]string{"en": forged},
		Stamps: []verify.Stamped{{Root: forged}}, Findings: []verify.Finding{{Kind: verify.Corrupt, Path: "charter", Key: "charter.language", Args: []string{forged}}},
	})
	if got := out.String(); strings.ContainsAny(got, "\x1b\u202e") || strings.Contains(got, "\nOK") || strings.Count(got, "all is well") != 3 {
		t.Errorf("%q", got)
	}
}
