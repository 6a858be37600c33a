package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kua/internal/fault"
)

// TestUnreached: of a copy that could not be asked the server is named that did not answer,
// and of a road that is not there, that.
func TestUnreached(t *testing.T) {
	_, gone := http.Get("http://127.0.0.1:1/manifest.json") // of --against, say
	f, ok := fault.Of(unreached(fmt.Errorf("fetch manifest.json: %w", gone)))
	if !ok || f.Key != "nodeapi.unreachable" || len(f.Args) != 1 || f.Args[0] != "http://127.0.0.1:1" {
		t.Errorf("a server that is not there: %+v", f)
	}
	client, err := proxied("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	_, gone = client.Get("http://kua.example.org")
	if f, ok = fault.Of(unreached(gone)); !ok || f.Key != "onion.no_proxy" {
		t.Errorf("Tor that does not run: %v", unreached(gone))
	}
	if err := unreached(&url.Error{Op: "Get", URL: "http://127.0.0.1:1", Err: context.Canceled}); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "unreachable") {
		t.Errorf("a command that was stopped: %v", err)
	}
}
