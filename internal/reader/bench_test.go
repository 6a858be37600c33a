package reader_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"

	"kua/internal/charter"
	"kua/internal/edition/editiontest"
	"kua/internal/keyring"
	"kua/internal/reader"
	"kua/internal/seal"
)

// BenchmarkBytes prints how many bytes it takes, compressed, to verify one record
// of 10,000 from nothing, beyond the record itself: the charter, two signatures,
// the log's checkpoint and two proofs. With people of both kinds, since the keys
// for sealing are most of a charter and none of this needs them.
func BenchmarkBytes(b *testing.B) {
	c := editiontest.New(b)
	c.Media = func(string) []editiontest.M { return []editiontest.M{{Rung: "jpeg", Type: "image/jpeg", Size: 100}} }
	c.Publish(b, c.Records(b, 1, 10_000)...)
	bundle, err := reader.Gather(b.Context(), source(b, c.Dir), []string{"004321"})
	check(b, err)
	for b.Loop() {
		for name, kind := range map[string]seal.Kind{"x25519": seal.X25519, "hybrid": seal.Hybrid} {
			p := bundle.Proof
			p.Charter = charter.Chain{chainOf(b, c.Charter, kind)}
			whole := compressed(b, p)
			bare := p.Records[0]
			bare.Document = ""
			p.Records = []reader.Signed{bare}
			b.ReportMetric(float64(compressed(b, p)), name+"-B")
			b.Logf("two people of kind %s: %d bytes with the record", kind, whole)
		}
	}
}

// chainOf is the charter with two people of one kind, signed.
func chainOf(b *testing.B, c charter.Charter, kind seal.Kind) charter.Signed {
	b.Helper()
	c.People = nil
	var people []*keyring.Person
	for _, name := range []string{"Aigul", "Botir"} {
		p, err := keyring.NewPersonOf(kind, name)
		check(b, err)
		people, c.People = append(people, p), append(c.People, p.Public("2026-11-20"))
	}
	doc, err := c.Bytes()
	check(b, err)
	s := charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}
	for _, p := range people {
		s.Signatures.Add(doc, p)
	}
	return s
}

func compressed(b *testing.B, p reader.Proof) int {
	b.Helper()
	text, err := json.Marshal(p)
	check(b, err)
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	check(b, err)
	_, err = z.Write(text)
	check(b, err)
	check(b, z.Close())
	return out.Len()
}
