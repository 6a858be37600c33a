package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "kua/"

// lattice is the house's law. "b: a c" means that b stands on a and c: it may
// import them and whatever they stand on, and nothing else of ours. A package
// without a line here does not exist. What the law buys is written in
// ARCHITECTURE.md; do not change a line to make a build pass.
const lattice = `
fault:
durable:
link:
link/linktest:
licences:
qrcode:
locale:
web:
blob:          fault durable
blob/s3:       blob
blob/s3/s3test: blob/s3
canon:         fault
sqldb:         fault
sqldb/pgtest:
seal:          fault
receipt:       fault
track:
cascade:       fault
media:         likeness gate track cascade
caption:       fault
open311:       fault
mail:          onion
mail/mailtest:
open311/client: open311
open311/check: open311
charter:       canon durable
tlog:          canon
parcel:        seal charter
keyring:       parcel receipt
evidence:      canon
casefile:      evidence parcel
redact:        canon locale
trace:         fault
likeness:      trace
gate:          trace
canary:        fault
datafile:      fault locale
appeal:        datafile
authority:     appeal
pluscode:      authority
pledge:        appeal
passkey:       fault
appeal/letter: appeal
record:        canon
card:          record locale qrcode
edition:       record charter tlog
actor:         canon
spread:        record actor
spread/telegram: spread onion
spread/maillist: spread locale mail
spread/telegram/telegramtest:
spread/activitypub: spread onion
tlog/appender: tlog durable
jobs:          sqldb
page:          locale web fault
stamp:         fault
stamp/stamptest:
site:          edition caption onion reader watch qrcode
onion:         fault
tor:           onion durable
tor/tortest:
nodeapi:       parcel edition onion actor
courier:       nodeapi durable
reportpage:    page parcel link
handover:      courier reportpage qrcode
verify:        edition onion stamp
reader:        verify page
kit:           site card
bot:           site spread/telegram
mirror:        reader link
watch:         edition onion
mirror/sftp:   fault
bundle:        mirror
edition/editiontest: edition keyring tlog/appender

node/nodedb:   sqldb parcel edition
node:          node/nodedb blob nodeapi link courier actor
node/nodeweb:  node reader receipt reportpage

lane/lanedb:   sqldb authority
lane:          lane/lanedb canon blob passkey pledge
lane/darkroom: lane media
lane/lanetest: lane/darkroom sqldb/pgtest
lane/deliver:  lane mail open311/client
lane/laneweb:  lane page pluscode appeal/letter link qrcode
lane/lane311:  lane open311 page

desk/deskdb:   sqldb casefile redact record spread
desk:          desk/deskdb keyring media redact jobs nodeapi site tlog/appender spread card stamp
desk/deskweb:  desk page kit

witness:       nodeapi keyring
cmd/kua:       node/nodeweb desk/deskweb witness verify mirror mirror/sftp bundle courier handover kit canary lane/laneweb lane/deliver lane/darkroom lane/lane311 open311/check appeal/letter blob/s3 licences tor watch spread/telegram spread/activitypub spread/maillist bot
`

// doors names the only packages that may import a library from outside.
const doors = `
database/sql:                         sqldb sqldb/pgtest jobs node/nodedb lane/lanedb lane/lanetest desk/deskdb
github.com/ncruces/go-sqlite3:        sqldb
github.com/jackc/pgx:                 sqldb sqldb/pgtest
go.yaml.in/yaml:                      datafile
codeberg.org/go-pdf/fpdf:             appeal/letter
github.com/go-fonts:                  appeal/letter card
os/exec:                              media sqldb/pgtest mail/mailtest blob/s3/s3test tor tor/tortest lane/lanetest
github.com/minio/minio-go:            blob/s3
github.com/pkg/sftp:                  mirror/sftp
github.com/klauspost/reedsolomon:     bundle
filippo.io/age:                       seal receipt keyring
github.com/transparency-dev/tessera:  tlog/appender
github.com/wneessen/go-mail:           mail
github.com/spf13/cobra:               cmd/kua
github.com/santhosh-tekuri/jsonschema: open311/check
github.com/go-webauthn/webauthn:      passkey
github.com/boombuler/barcode:         qrcode
github.com/digitorus:                 stamp stamp/stamptest
github.com/go-telegram/bot:           spread/telegram bot
golang.org/x/net/proxy:               onion
`

func TestImports(t *testing.T) {
	below := table(lattice)
	for pkg := range below {
		for i := 0; i < len(below[pkg]); i++ { // grows as it walks down
			for _, p := range below[below[pkg][i]] {
				if !slices.Contains(below[pkg], p) {
					below[pkg] = append(below[pkg], p)
				}
			}
		}
		if slices.Contains(below[pkg], pkg) {
			t.Fatalf("the lattice has a circle through %s", pkg)
		}
	}
	owners := table(doors)

	// The source is read here, and not by "go list", so that the test cache
	// sees the files and never answers for yesterday's imports.
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		src, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := place(module + strings.TrimPrefix(path.Dir(filepath.ToSlash(file)), "../"))
		if _, ok := below[pkg]; !ok {
			t.Errorf("%s: %s has no place in the lattice", file, pkg)
			return nil
		}
		for _, spec := range src.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if strings.HasPrefix(imp, module) && !slices.Contains(below[pkg], place(imp)) {
				t.Errorf("%s: %s must not import %s", file, pkg, place(imp))
			}
			for lib, who := range owners {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(who, pkg) {
					t.Errorf("%s: only %v may import %s", file, who, imp)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNodeCannotOpen states in one sentence what the lattice buys: nothing that
// runs on a public server stands on the code that opens a parcel or on the
// words of a private case.
func TestNodeCannotOpen(t *testing.T) {
	below := table(lattice)
	seen := map[string]bool{}
	var walk func(pkg string)
	walk = func(pkg string) {
		for _, p := range below[pkg] {
			if !seen[p] {
				seen[p] = true
				walk(p)
			}
		}
	}
	walk("node/nodeweb")
	for _, private := range []string{"keyring", "casefile", "evidence", "redact", "media", "desk", "desk/deskdb"} {
		if seen[private] {
			t.Errorf("the node stands on %s", private)
		}
	}
}

// TestLanesApart states the other wall: no path leads from the open lane to the
// sealed one, its node and its words, nor back. Only the command joins them.
func TestLanesApart(t *testing.T) {
	below := table(lattice)
	reach := func(from string) map[string]bool {
		seen := map[string]bool{}
		var walk func(pkg string)
		walk = func(pkg string) {
			for _, p := range below[pkg] {
				if !seen[p] {
					seen[p] = true
					walk(p)
				}
			}
		}
		walk(from)
		return seen
	}
	open := reach("lane/laneweb")
	maps.Copy(open, reach("lane/lane311"))
	maps.Copy(open, reach("lane/deliver"))
	if !open["lane/lanedb"] || !open["authority"] {
		t.Fatal("the open lane stands on nothing; the lattice was not read")
	}
	for _, sealed := range []string{"node", "node/nodedb", "nodeapi", "keyring", "parcel", "receipt", "seal", "casefile", "evidence", "media", "desk", "desk/deskdb"} {
		if open[sealed] {
			t.Errorf("the open lane stands on %s", sealed)
		}
	}
	for _, room := range []string{"node", "node/nodeweb", "desk", "desk/deskweb", "witness", "verify"} {
		for _, pkg := range []string{"lane", "lane/lanedb", "lane/laneweb", "lane/lane311", "lane/deliver"} {
			if reach(room)[pkg] {
				t.Errorf("%s stands on %s", room, pkg)
			}
		}
	}
}

// place strips the module's name: what is left is a name in the lattice.
func place(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "internal/")
}

func table(text string) map[string][]string {
	m := make(map[string][]string)
	for line := range strings.Lines(text) {
		if name, rest, ok := strings.Cut(line, ":"); ok {
			m[strings.TrimSpace(name)] = strings.Fields(rest)
		}
	}
	return m
}
