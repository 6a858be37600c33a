package passkey

import (
	"errors"
	"testing"

	"kua/internal/fault"
)

// TestCan: passkeys belong to names, over TLS or on the reader's own machine.
func TestCan(t *testing.T) {
	for origin, want := range map[string]bool{"https://kua.example.org": true, "https://kua.example.org:8443": true, "http://localhost:8080": true,
		"http://kua.example.org": false, "https://192.0.2.1": false, "https://[2001:db8::1]": false, "": false, "x": false, "https://": false} {
		if got := (Site{Origin: origin}).Can(); got != want {
			t.Errorf("Can(%q) = %v", origin, got)
		}
	}
	if _, err := (Site{Origin: "https://192.0.2.1", Name: "x"}).ToSign(make([]byte, 32)); !errors.Is(err, fault.Conflict("passkey.site")) {
		t.Errorf("ToSign = %v", err)
	}
}

// FuzzAnswer: whatever a browser sends is refused and breaks nothing.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA","signature":"AAAA","userHandle":"AAAA"},"clientExtensionResults":{}}`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	site := Site{Origin: "https://kua.example.org", Name: "Kuä"}
	all := func([]byte) error { return nil }
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, err := site.Made(answer, Person{Handle: make([]byte, 32), Name: "x"}, all); err == nil {
			t.Error("a key was made")
		}
		if _, err := site.Signed(answer, all, func([]byte) (Person, error) { return Person{Handle: make([]byte, 32)}, nil }); err == nil {
			t.Error("somebody signed in")
		}
	})
}
