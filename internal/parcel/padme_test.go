package parcel_test

import (
	"testing"

	"kua/internal/parcel"
)

func TestVectorsPadme(t *testing.T) {
	var v struct {
		Sizes []struct {
			Bytes  int64 `json:"bytes"`
			Padded int64 `json:"padded"`
		} `json:"sizes"`
	}
	loadVector(t, "padme.json", &v)
	if len(v.Sizes) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Sizes {
		if got := parcel.Padme(c.Bytes); got != c.Padded {
			t.Errorf("Padme(%d) = %d, want %d", c.Bytes, got, c.Padded)
		}
	}
}

func TestPadmeHolds(t *testing.T) {
	for n := int64(1); n < 40<<30; n = n*17/16 + 1 {
		p := parcel.Padme(n)
		if p < n || p%1024 != 0 || parcel.Padme(p) != p {
			t.Fatalf("Padme(%d) = %d", n, p)
		}
		if n > parcel.MinPlain && p > n+n*12/100 {
			t.Errorf("Padme(%d) = %d adds more than 12 %%", n, p)
		}
	}
}
