package internal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kua/internal/locale"
	"kua/internal/parcel"
	"kua/internal/record"
	"kua/web"
)

// TestMissingBuilders: who has no Go, Node or npm, or one that is too old, hears that and
// what to do, before anything is built.
func TestMissingBuilders(t *testing.T) {
	for _, test := range []struct {
		goSays, nodeSays string // "" for a program that is not there
		want             string // "" for a machine that has all
	}{
		{"go version go1.26.0 linux/amd64", "v20.0.0", ""},
		{"go version go1.30.1 linux/amd64", "v22.3.0", ""},
		{"", "v20.0.0", "go is not installed"},
		{"go version go1.26.0 linux/amd64", "", "node is not installed"},
		{"go version go1.19.8 linux/amd64", "v20.0.0", "Go 1.19.8 is too old"},
		{"go version go1.26.0 linux/amd64", "v18.20.4", "Node 18.20.4 is too old"},
	} {
		dir := t.TempDir()
		for _, tool := range []string{"dirname", "head", "sed", "sort", "tr"} {
			path, err := exec.LookPath(tool)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path, filepath.Join(dir, tool)); err != nil {
				t.Fatal(err)
			}
		}
		for tool, says := range map[string]string{"go": test.goSays, "node": test.nodeSays, "npm": "11.0.0"} {
			if says == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, tool), []byte("#!/bin/sh\necho '"+says+"'\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("../tools/install.sh", "build")
		cmd.Env = []string{"PATH=" + dir}
		out, err := cmd.CombinedOutput()
		if test.want == "" {
			if err != nil || len(out) > 0 {
				t.Errorf("%+v: %v\n%s", test, err, out)
			}
			continue
		}
		if err == nil || !strings.Contains(string(out), "kua: error: "+test.want) || !strings.Contains(string(out), "kua: hint: install Go 1.26 and Node 20") {
			t.Errorf("%+v: %v\n%s", test, err, out)
		}
	}
}

// TestUnitComesBack: a node that ends at once some times in a row, as it does while the network
// or PostgreSQL is not there yet, is started again for as long as that takes.
func TestUnitComesBack(t *testing.T) {
	unit, err := os.ReadFile("../docs/kua-node.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Restart=always", `RestartSec=[1-9]\d*`, "StartLimitIntervalSec=0", "MemorySwapMax=0", "LimitCORE=0"} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).Match(unit) {
			t.Errorf("the unit lacks %s", line)
		}
	}
}

// TestKindsOfReport: a kind that can be told can be published, is offered by the browser's
// sealer, and has its picture and its words everywhere.
func TestKindsOfReport(t *testing.T) {
	kinds := parcel.Whats()
	if !slices.Equal(kinds, record.Whats()) {
		t.Errorf("told can be %v, published %v", kinds, record.Whats())
	}
	sealer, err := os.ReadFile("../web/lib/report.ts")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(sealer), `WHATS = ["`+strings.Join(kinds, `", "`)+`"]`) {
		t.Error("the browser's sealer knows other kinds")
	}
	style, err := os.ReadFile("../web/components/report/report.css")
	if err != nil {
		t.Fatal(err)
	}
	words, err := locale.Load(web.Locales())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		if !strings.Contains(string(style), "/pictures/"+kind+".svg") {
			t.Errorf("%s has no picture", kind)
		}
		for _, room := range []string{"report", "site", "deskweb", "cli"} {
			if key := room + ".what." + kind; !words.Has(key) {
				t.Errorf("%s has no words", key)
			}
		}
	}
}
