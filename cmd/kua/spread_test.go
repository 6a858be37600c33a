package main

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"kua/internal/spread/telegram/telegramtest"
)

// made-up names that the scripts know: a channel, and the token of a bot in it.
const (
	scriptChannel = "@made_up_channel"
	scriptToken   = "1234567890:CANARY-made-up-token-of-nobody"
)

// platform is the made-up Telegram of one script.
type platform struct{ server *telegramtest.Server }

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
