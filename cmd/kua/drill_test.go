package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// blocks ADDRESS resets every connection to it, as a censor does once it has read
// the name; nothing else may listen there.
func blocks(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1))
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	}()
}

var (
	footLink    = regexp.MustCompile(`<li><a href="([^"]+)">([^<]+)</a></li>`)
	mirrorsLink = regexp.MustCompile(`<a href="(http[^"]+)/en/mirrors\.html">`)
	editionSaid = regexp.MustCompile(`(?m)^edition (\d+), `)
)

// follows PAGE ID is a person with a page that they read once, the number of the
// charter from elsewhere, and kua. They try the addresses in the page's foot, one
// after the other, and at every address that verifies the page of other addresses;
// and keep to the newest. What they met is printed.
func follows(ts *testscript.TestScript, _ bool, args []string) {
	_, foot, ok := strings.Cut(ts.ReadFile(args[0]), "<footer>")
	if !ok {
		ts.Fatalf("%s has no foot", args[0])
	}
	var ways []string
	for _, m := range footLink.FindAllStringSubmatch(foot, -1) {
		if strings.HasPrefix(m[1], m[2]+"/en/") {
			ways = append(ways, m[2])
		}
	}
	var met strings.Builder
	best, newest := "", ""
	for i := 0; i < len(ways); i++ {
		at := ways[i]
		err := ts.Exec("kua", "verify", at, "--charter", args[1], "--no-state")
		said := ts.ReadFile("stdout")
		edition := editionSaid.FindStringSubmatch(said)
		switch {
		case err == nil && edition != nil:
			fmt.Fprintf(&met, "%s holds edition %s\n", at, edition[1])
			if len(edition[1]) > len(newest) || len(edition[1]) == len(newest) && edition[1] > newest {
				best, newest = at, edition[1]
			}
			for _, m := range mirrorsLink.FindAllStringSubmatch(get(ts, at+"/en/mirrors.html"), -1) {
				if !slices.Contains(ways, m[1]) {
					ways = append(ways, m[1])
				}
			}
		case strings.HasPrefix(said, "CORRUPT"):
			fmt.Fprintf(&met, "%s lies\n", at)
		default:
			fmt.Fprintf(&met, "%s does not answer\n", at)
		}
	}
	fmt.Fprintf(&met, "the newest is edition %s at %s\n", newest, best)
	ts.Check(os.WriteFile(ts.MkAbs("reached.html"), []byte(get(ts, best+"/en/index.html")), 0o600))
	_, err := io.WriteString(ts.Stdout(), met.String())
	ts.Check(err)
}

func get(ts *testscript.TestScript, address string) string {
	res, err := http.Get(address)
	ts.Check(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	ts.Check(err)
	return string(b)
}
