package tor

import (
	"errors"
	"testing"
	"time"

	"kua/internal/fault"
)

func TestReadControl(t *testing.T) {
	for line, want := range map[string]event{
		"250 OK":                           {},
		"515 Authentication failed: x":     {kind: refused, words: "Authentication failed: x"},
		"650 HS_DESC UPLOADED abc UNKNOWN": {kind: uploaded, words: "abc.onion"},
		"650 HS_DESC UPLOAD abc UNKNOWN":   {},
		`650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=45 TAG=requesting_descriptors SUMMARY="Asking for relay descriptors"`: {kind: bootstrap, percent: 45, words: "Asking for relay descriptors"},
		`250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done"`:                                 {kind: bootstrap, percent: 100, words: "Done"},
		"650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=900":                                                                  {},
		"": {},
	} {
		if got := read(line); got != want {
			t.Errorf("read(%q) = %+v, want %+v", line, got, want)
		}
	}
	if got := left(25, 10*time.Second); got != 30*time.Second {
		t.Errorf("left = %v, want 30s", got)
	}
}

func FuzzControl(f *testing.F) {
	f.Add(`650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=45 SUMMARY="x`)
	f.Add("514 Authentication required")
	f.Fuzz(func(t *testing.T, line string) {
		if e := read(line); e.percent < 0 || e.percent > 100 {
			t.Errorf("%q is %d percent", line, e.percent)
		}
	})
}

// TestNoTor looks for a program that is not there.
func TestNoTor(t *testing.T) {
	if _, err := find("no-such-program-as-tor"); !errors.Is(err, fault.Missing("tor.not_installed")) {
		t.Errorf("find = %v, want tor.not_installed", err)
	}
}
