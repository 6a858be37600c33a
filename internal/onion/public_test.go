package onion_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"kua/internal/fault"
	"kua/internal/onion"
)

// TestStrangersNames: no name that a stranger gives leads into the network in which
// this machine stands, and a proxy of the environment is neither asked nor passed by.
func TestStrangersNames(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1",
		"::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::", "2001:db8::1"} {
		if onion.Open(netip.MustParseAddr(a)) {
			t.Errorf("%s passes for an address of the open net", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"} {
		if !onion.Open(netip.MustParseAddr(a)) {
			t.Errorf("%s is refused", a)
		}
	}
	for _, name := range []string{"localhost", "a.localhost", "printer.local", "127.0.0.1", "[::1]", "::1", "2130706433", "0x7f.1", "127.1", "router.lan", "x.onion", "x.ONION", "kua.example.", "db.internal", ""} {
		if onion.PublicName(name) {
			t.Errorf("%q passes for a name of the open net", name)
		}
	}
	if !onion.PublicName("social.example.org") || !onion.PublicName("xn--d1acpjx3f.xn--p1ai") {
		t.Error("a name of the open net is refused")
	}

	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	c := http.Client{Transport: onion.Public()}
	for _, url := range []string{s.URL, "https://127.0.0.1/", "https://localhost/", "https://x.onion/"} {
		if _, err := c.Get(url); !errors.Is(err, fault.Invalid("onion.not_public")) || reached {
			t.Errorf("%s: %v, reached %v", url, err, reached)
		}
	}
}
