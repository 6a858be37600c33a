package main

import (
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kua/internal/mail/mailtest"
	"kua/internal/onion"
	"kua/internal/spread/telegram/telegramtest"
)

// made-up names that the scripts know: a channel, and the token of a bot in it.
const (
	scriptChannel = "@made_up_channel"
	scriptToken   = "1234567890:CANARY-made-up-token-of-nobody"
)

// platform is the made-up Telegram of one script, and its list server.
type platform struct {
	t      *testing.T
	server *telegramtest.Server
	mail   *mailtest.Server
}

// writes TEXT REGEXP has somebody write to the bot, and fails unless they get an
// answer that fits.
func (p *platform) writes(ts *testscript.TestScript, _ bool, args []string) {
	before := len(p.server.Answers(7001))
	p.server.Asks(7001, map[string]any{"text": args[0]})
	for range 1000 {
		if all := p.server.Answers(7001); len(all) > before {
			if !regexp.MustCompile(args[1]).MatchString(all[before]) {
				ts.Fatalf("the bot says %s", all[before])
			}
			return
		}
		time.Sleep(20 * time.Millisecond) // another process: nothing here can be waited for
	}
	ts.Fatalf("the bot says nothing to %s", args[0])
}

// list FILE starts a mail server and writes into a file how a desk writes through it.
func (p *platform) list(ts *testscript.TestScript, _ bool, args []string) {
	p.mail = mailtest.Start(p.t, mailtest.Take, false)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("smtp://"+p.mail.Addr+"/?from=post@kua.example\n"), 0o600))
}

// letters COUNT REGEXP fails unless so many letters came, each to the list alone, and
// the last one fits.
func (p *platform) letters(ts *testscript.TestScript, _ bool, args []string) {
	all := p.mail.Letters()
	if strconv.Itoa(len(all)) != args[0] {
		ts.Fatalf("there are %d letters: %+v", len(all), all)
	}
	for _, l := range all {
		if len(l.To) != 1 || l.To[0] != "news@lists.example" {
			ts.Fatalf("a letter went to %v", l.To)
		}
	}
	if len(all) > 0 && !regexp.MustCompile(args[1]).MatchString(all[len(all)-1].Text) {
		ts.Fatalf("the last letter is %s", all[len(all)-1].Text)
	}
}

// telegram FILE starts a Telegram, names it to the program and writes the token of
// its bot into a file.
func (p *platform) telegram(ts *testscript.TestScript, _ bool, args []string) {
	p.server = telegramtest.Start(scriptChannel, scriptToken)
	ts.Defer(p.server.Close)
	ts.Setenv(telegramServerEnv, p.server.URL)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(scriptToken+"\n"), 0o600))
}

// trouble WHAT lets the next call to Telegram go wrong.
func (p *platform) trouble(_ *testscript.TestScript, _ bool, args []string) {
	p.server.GoesWrong(args[0])
}

// channel COUNT [REGEXP] fails unless so many messages stand in the channel, and
// each fits.
func (p *platform) channel(ts *testscript.TestScript, _ bool, args []string) {
	held := p.server.Held()
	if strconv.Itoa(len(held)) != args[0] {
		ts.Fatalf("the channel holds %d messages: %+v", len(held), held)
	}
	for _, m := range held {
		if len(args) > 1 && !regexp.MustCompile(args[1]).MatchString(m.Method+" "+m.Text+m.Caption) {
			ts.Fatalf("the channel holds %+v", m)
		}
	}
}

// TestChannelSecret reads a token from a file without its line's end, and from
// nowhere else than a file or a terminal.
func TestChannelSecret(t *testing.T) {
	name := t.TempDir() + "/token"
	if err := os.WriteFile(name, []byte(" "+scriptToken+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{}
	if got, err := a.channelSecret(name); string(got) != scriptToken || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := a.channelSecret(name + "x"); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestMailRoad: a desk's letters take the desk's road, and without one there is none.
func TestMailRoad(t *testing.T) {
	for what, test := range map[string]struct {
		road   deskRoad
		client *http.Client
		want   bool
	}{
		"plain": {deskRoad{}, &http.Client{Transport: onion.Direct()}, false},
		"proxy": {deskRoad{proxy: "127.0.0.1:9050"}, &http.Client{Transport: new(http.Transport)}, true},
		"tor":   {deskRoad{torFlags: torFlags{on: true}}, &http.Client{Transport: new(torRoad)}, true},
	} {
		if got := mailRoad(test.road, test.client) != nil; got != test.want {
			t.Errorf("%s: there is a road: %t", what, got)
		}
	}
}
