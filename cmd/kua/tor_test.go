package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/onion"
	"kua/internal/tor/tortest"
)

// tornet FILE NAME starts a private Tor network on loopback, writes what its
// members add to their configuration to FILE, and sets NAME to the SOCKS
// address of a client. It is the only one in all tests: it takes many seconds.
func tornet(ts *testscript.TestScript, _ bool, args []string) {
	dir, err := os.MkdirTemp("", "tornet")
	ts.Check(err)
	net, err := tortest.Start(dir)
	ts.Defer(func() {
		net.Stop()
		_ = os.RemoveAll(dir)
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(net.Lines(), "\n")+"\n"), 0o600))
	socks, err := net.Client()
	ts.Check(err)
	ts.Setenv(args[1], socks)
}

// founds DIR [ADDRESS KEY] founds a made-up collective of two, with one node if one
// is named, as charter init does, with key files that are cheap to open.
func founds(ts *testscript.TestScript, _ bool, args []string) {
	pass := ts.Getenv("KUA_PASSPHRASE")
	f := founder{
		name: map[string]string{"en": "Example society (made up)"}, languages: []string{"en", "ru"}, threshold: 2, origin: "kua.example/log", cost: 10,
		people: []newPerson{{"aigul", pass}, {"timur", pass}},
	}
	if len(args) > 1 {
		f.nodes = []charter.Node{{URL: args[1], Key: args[2]}}
	}
	_, err := f.found(context.Background(), desk.Config{Dir: ts.MkAbs(args[0])})
	ts.Check(err)
}

// appears NAME FILE waits for a file and sets NAME to what stands in it.
func appears(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if b, err := os.ReadFile(ts.MkAbs(args[1])); err == nil && len(b) > 0 {
			ts.Setenv(args[0], strings.TrimSpace(string(b)))
			return
		}
	}
	ts.Fatalf("%s does not appear", args[1])
}

// asks URL [--proxy ADDRESS] prints an answer's status, its Onion-Location and
// the beginning of its body; with ! it fails if there is any answer.
func asks(ts *testscript.TestScript, neg bool, args []string) {
	client := &http.Client{Timeout: time.Minute, Transport: onion.Direct()}
	if len(args) > 1 {
		p, err := onion.ParseProxy(args[2])
		ts.Check(err)
		client.Transport = p.Transport()
	}
	resp, err := client.Get(args[0])
	if neg {
		if err == nil {
			ts.Fatalf("it answers: %s", resp.Status)
		}
		return
	}
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), resp.Status+"\nOnion-Location: "+resp.Header.Get("Onion-Location")+"\n"+string(b))
	ts.Check(err)
}
