package parcel_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"filippo.io/age"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/parcel"
)

const vectorDir = "../../spec/vectors"

func vectorFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func loadVector(t testing.TB, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(vectorFile(t, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

type reportVectors struct {
	Reports []struct {
		Name      string        `json:"name"`
		Report    parcel.Report `json:"report"`
		Canonical string        `json:"canonical"`
	} `json:"reports"`
	Refuse []refusal `json:"refuse"`
}

type refusal struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	Fault string `json:"fault"`
}

func TestVectorsReport(t *testing.T) {
	var v reportVectors
	loadVector(t, "parcel-report.json", &v)
	for _, c := range v.Reports {
		t.Run(c.Name, func(t *testing.T) {
			b, err := c.Report.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(b), c.Canonical); diff != "" {
				t.Errorf("Bytes: -got +want\n%s", diff)
			}
			r, err := parcel.ParseReport([]byte(c.Canonical))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r, c.Report); diff != "" {
				t.Errorf("ParseReport: -got +want\n%s", diff)
			}
		})
	}
	for _, c := range v.Refuse {
		t.Run("refuses "+c.Name, func(t *testing.T) {
			if _, err := parcel.ParseReport([]byte(c.Text)); !errors.Is(err, fault.Invalid(c.Fault)) {
				t.Errorf("ParseReport = %v, want %s", err, c.Fault)
			}
		})
	}
}

type indexVectors struct {
	Index []struct {
		Size   int64    `json:"size"`
		Pieces []string `json:"pieces"`
		Text   string   `json:"text"`
		ID     string   `json:"id"`
	} `json:"index"`
	Refuse []refusal `json:"refuse"`
}

func TestVectorsIndex(t *testing.T) {
	var v indexVectors
	loadVector(t, "parcel-index.json", &v)
	for _, c := range v.Index {
		want := parcel.Index{Size: c.Size, Pieces: c.Pieces}
		if got := string(want.Text()); got != c.Text {
			t.Errorf("Text = %q, want %q", got, c.Text)
		}
		if got := want.ID(); got != c.ID {
			t.Errorf("ID = %s, want %s", got, c.ID)
		}
		got, err := parcel.ReadIndex([]byte(c.Text))
		if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Errorf("ReadIndex: %v, -got +want\n%s", err, diff)
		}
	}
	for _, c := range v.Refuse {
		t.Run("refuses "+c.Name, func(t *testing.T) {
			if _, err := parcel.ReadIndex([]byte(c.Text)); !errors.Is(err, fault.Invalid(c.Fault)) {
				t.Errorf("ReadIndex = %v, want %s", err, c.Fault)
			}
		})
	}
}

type tinyVector struct {
	Report parcel.Report `json:"report"` // as handed to Seal
	Files  []struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		Base64 string `json:"base64"`
	} `json:"files"`
	Unpadded    int64  `json:"unpadded"`
	Plain       int64  `json:"plain"`
	PlainSHA256 string `json:"plain_sha256"`
	Entries     []struct {
		Path   string `json:"path"`
		Offset int64  `json:"offset"`
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
	} `json:"entries"`
	Identity  string `json:"identity"`
	Recipient string `json:"recipient"`
	Sealed    int64  `json:"sealed"`
	Index     string `json:"index"`
	ID        string `json:"id"`
}

func (v tinyVector) sources(t *testing.T) []parcel.Source {
	t.Helper()
	var out []parcel.Source
	for _, f := range v.Files {
		b, err := base64.StdEncoding.DecodeString(f.Base64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, source(f.Name, f.Type, b))
	}
	return out
}

// TestVectorsTinySeal seals the tiny report: the plaintext must be the
// published one byte for byte, and the sealed file as long as the published one.
func TestVectorsTinySeal(t *testing.T) {
	var v tinyVector
	loadVector(t, "parcel-tiny.json", &v)
	var sealed bytes.Buffer
	var done, total int64
	err := parcel.Seal(&sealed, v.Report, v.sources(t), []string{v.Recipient}, func(d, n int64) { done, total = d, n })
	if err != nil {
		t.Fatal(err)
	}
	if done != v.Plain || total != v.Plain {
		t.Errorf("progress ended at %d of %d, want %d of %d", done, total, v.Plain, v.Plain)
	}
	if got := int64(sealed.Len()); got != v.Sealed {
		t.Errorf("the sealed file has %d bytes, want %d", got, v.Sealed)
	}
	plain := decrypt(t, sealed.Bytes(), v.Identity)
	if !bytes.Equal(plain, vectorFile(t, "parcel-tiny.tar")) {
		t.Errorf("the plaintext hashes to %s, want %s", canon.Hash(plain), v.PlainSHA256)
	}
}

// TestVectorsTinyRead reads the published parcel, which the stock age command sealed.
func TestVectorsTinyRead(t *testing.T) {
	var v tinyVector
	loadVector(t, "parcel-tiny.json", &v)
	sealed := vectorFile(t, "parcel-tiny.age")
	plain := decrypt(t, sealed, v.Identity)
	if got := canon.Hash(plain); got != v.PlainSHA256 {
		t.Fatalf("the plaintext hashes to %s, want %s", got, v.PlainSHA256)
	}
	bag, err := parcel.ReadBag(bytes.NewReader(plain), parcel.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := v.Report
	for i, f := range v.Files {
		e := v.Entries[i+1]
		want.Files = append(want.Files, parcel.ReportFile{Path: e.Path, Name: f.Name, Type: f.Type, Size: e.Size})
	}
	if diff := cmp.Diff(bag.Report, want); diff != "" {
		t.Errorf("Report: -got +want\n%s", diff)
	}
	if bag.Size != v.Plain || len(bag.Entries) != 1+len(v.Files) {
		t.Errorf("the bag has %d bytes and %d entries, want %d and %d", bag.Size, len(bag.Entries), v.Plain, 1+len(v.Files))
	}
	for i, e := range bag.Entries {
		want := v.Entries[i]
		if e != (parcel.Entry{Path: want.Path, Offset: want.Offset, Size: want.Size, SHA256: want.SHA256}) {
			t.Errorf("entry %d = %+v, want %+v", i, e, want)
		}
		if got := canon.Hash(plain[e.Offset : e.Offset+e.Size]); got != e.SHA256 {
			t.Errorf("at its offset %s hashes to %s, want %s", e.Path, got, e.SHA256)
		}
	}
	index, err := parcel.Split(bytes.NewReader(sealed), func(int, string, []byte) error { return nil })
	if err != nil || string(index.Text()) != v.Index || index.ID() != v.ID {
		t.Errorf("Split gives %s, %v, want %s", index.ID(), err, v.ID)
	}
}

func decrypt(t testing.TB, sealed []byte, identity string) []byte {
	t.Helper()
	id, err := age.ParseHybridIdentity(identity)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func source(name, mediaType string, b []byte) parcel.Source {
	return parcel.Source{Name: name, Type: mediaType, Size: int64(len(b)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
}
