package onion

import (
	"errors"
	"net"
	"testing"

	"kua/internal/fault"
)

// TestJudgedAfterResolving: whatever a name was, the address that it led to is judged
// before a packet goes there.
func TestJudgedAfterResolving(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, address := range []string{l.Addr().String(), "localhost:" + port, "1.1.1.1:80", "10.0.0.1:443"} {
		if c, err := guarded().Dial("tcp", address); !errors.Is(err, fault.Invalid("onion.not_public")) {
			t.Errorf("%s: %v, %v", address, c, err)
		}
	}
}
