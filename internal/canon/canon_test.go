package canon_test

import (
	"errors"
	"testing"

	"kua/internal/canon"
	"kua/internal/fault"
)

type thing struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

func TestRoundTrip(t *testing.T) {
	b, err := canon.Marshal(thing{Name: "ә\u2028<", N: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), "{\"n\":3,\"name\":\"ә\u2028<\"}"; got != want {
		t.Errorf("Marshal = %s, want %s", got, want)
	}
	var back thing
	if err := canon.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if want := (thing{Name: "ә\u2028<", N: 3}); back != want {
		t.Errorf("Unmarshal = %+v, want %+v", back, want)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, key string }{
		{"space", `{"n": 3,"name":""}`, "canon.not_canonical"},
		{"order", `{"name":"","n":3}`, "canon.not_canonical"},
		{"unknown member", `{"n":3,"name":"","x":1}`, "canon.not_json"},
		{"twice", `{"n":3,"n":4,"name":""}`, "canon.not_canonical"},
		{"two documents", `{"n":3,"name":""}{}`, "canon.not_canonical"},
		{"cut", `{"n":3`, "canon.not_json"},
		{"other case", `{"N":3,"name":""}`, "canon.not_canonical"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := canon.Unmarshal([]byte(c.in), new(thing))
			if !errors.Is(err, fault.Invalid(c.key)) {
				t.Fatalf("Unmarshal(%s) = %v, want %s", c.in, err, c.key)
			}
		})
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"n":3,"name":"x"}`))
	f.Add([]byte(`{"n":1e400,"name":"\ud800"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v thing
		if canon.Unmarshal(b, &v) != nil {
			return
		}
		again, err := canon.Marshal(v)
		if err != nil || string(again) != string(b) {
			t.Fatalf("%q reads as %+v and writes as %q, %v", b, v, again, err)
		}
	})
}
