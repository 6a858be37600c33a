package nodeapi_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/nodeapi"
)

// FuzzAuthorisation feeds a node headers. Whatever is believed must be the very
// request that the desk signed.
func FuzzAuthorisation(f *testing.F) {
	desk := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := base64.StdEncoding.EncodeToString(desk.Public().(ed25519.PublicKey))
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	request := func() *http.Request { return httptest.NewRequest("PUT", "/api/v1/desk/parcels?x=1", nil) }
	good := request()
	if err := nodeapi.Authorise(good, desk, public, canon.Hash(nil), now); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{good.Header.Get("Authorization"), "Kua .", "Kua e30=.e30=", "Bearer x", "Kua " + string(make([]byte, 9<<10))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := request()
		r.Header.Set("Authorization", header)
		hash, err := nodeapi.CheckDesk(r, []string{public}, public, now)
		if err == nil && (hash != canon.Hash(nil) || header != good.Header.Get("Authorization")) {
			t.Fatalf("%q was believed and promises %q", header, hash)
		}
	})
}

// FuzzEnvelope feeds a client signed documents. Whatever opens must have been
// signed and canonical.
func FuzzEnvelope(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	e, err := nodeapi.Enclose(nodeapi.Have{Kind: nodeapi.KindHave, Pieces: []string{}, Node: public}, key)
	if err != nil {
		f.Fatal(err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"document":"{}","signature":""}`))
	f.Add([]byte(`{"document":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got nodeapi.Envelope
		if json.Unmarshal(b, &got) != nil {
			return
		}
		var h nodeapi.Have
		if got.Open(public, &h) == nil && got.Document != e.Document {
			t.Fatalf("%q opens", got.Document)
		}
	})
}

// FuzzFailure feeds a client refusals: the fault it makes must be one that a
// person can be shown.
func FuzzFailure(f *testing.F) {
	f.Add([]byte(`{"error":{"kind":"later","key":"node.busy","args":[1,"x",null,[2]],"message":"m"}}`))
	f.Add([]byte(`{"error":{"kind":"","key":"","args":["\u001b[31m"]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var failure nodeapi.Failure
		if json.Unmarshal(b, &failure) != nil {
			return
		}
		got := failure.Error.Fault()
		if len(got.Args) > 8 {
			t.Fatalf("%d arguments", len(got.Args))
		}
		for _, a := range got.Args {
			if s, ok := a.(string); ok {
				for _, r := range s {
					if r < ' ' || r == 0x7f {
						t.Fatalf("argument %q", s)
					}
				}
			}
		}
	})
}
