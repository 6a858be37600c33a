package parcel_test

import (
	"bytes"
	"testing"

	"kua/internal/fault"
	"kua/internal/parcel"
)

// mustBeFault wants every refusal to have words for people.
func mustBeFault(t *testing.T, err error) {
	t.Helper()
	if _, ok := fault.Of(err); !ok {
		t.Fatalf("%v has no words for people", err)
	}
}

func FuzzReadIndex(f *testing.F) {
	var v indexVectors
	loadVector(f, "parcel-index.json", &v)
	for _, c := range v.Index {
		f.Add([]byte(c.Text))
	}
	for _, c := range v.Refuse {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parcel.ReadIndex(b)
		if err != nil {
			mustBeFault(t, err)
			return
		}
		if !bytes.Equal(x.Text(), b) {
			t.Fatalf("%q reads as %+v and writes as %q", b, x, x.Text())
		}
	})
}

func FuzzReadReport(f *testing.F) {
	f.Add(makeTar(f, goodBag())[:4096])
	f.Add(vectorFile(f, "parcel-tiny.tar")[:4096])
	var v reportVectors
	loadVector(f, "parcel-report.json", &v)
	for _, c := range v.Refuse {
		f.Add(makeTar(f, []entry{{name: "data/report.json", data: c.Text}}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parcel.ReadReport(bytes.NewReader(b))
		if err != nil {
			mustBeFault(t, err)
			return
		}
		text, err := r.Bytes()
		if err != nil || !bytes.Contains(b, text) {
			t.Fatalf("the report reads as %+v, %v, whose text is not there", r, err)
		}
	})
}

func FuzzParseReport(f *testing.F) {
	var v reportVectors
	loadVector(f, "parcel-report.json", &v)
	for _, c := range v.Reports {
		f.Add([]byte(c.Canonical))
	}
	for _, c := range v.Refuse {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parcel.ParseReport(b)
		if err != nil {
			mustBeFault(t, err)
			return
		}
		if again, err := r.Bytes(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q reads as %+v and writes as %q, %v", b, r, again, err)
		}
	})
}

func FuzzReadBag(f *testing.F) {
	good := goodBag()
	f.Add(makeTar(f, good))
	f.Add(makeTar(f, good[:3]))
	f.Add(makeTar(f, append(good, entry{name: "../x", data: "x"})))
	f.Add(makeTar(f, append(good, entry{name: "data/l", kind: '2', link: "/etc/passwd"})))
	f.Add(makeTar(f, append(good, entry{name: "data/f", pax: map[string]string{"comment": "x"}})))
	f.Add(vectorFile(f, "parcel-tiny.tar"))
	f.Fuzz(func(t *testing.T, b []byte) {
		bag, err := parcel.ReadBag(bytes.NewReader(b), parcel.Limits{})
		if err != nil {
			mustBeFault(t, err)
			return
		}
		for _, e := range bag.Entries {
			if e.Offset < 512 || e.Size < 0 || e.Offset+e.Size > int64(len(b)) {
				t.Fatalf("%+v lies outside the %d bytes", e, len(b))
			}
		}
	})
}
