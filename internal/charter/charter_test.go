package charter_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
)

type vectors struct {
	Keys []struct {
		Name       string `json:"name"`
		Seed       string `json:"seed"`
		PublishKey string `json:"publishkey"`
		ID         string `json:"id"`
	} `json:"keys"`
	Chains       []chainVector    `json:"chains"`
	RefuseChains []chainVector    `json:"refuse_chains"`
	Documents    []documentVector `json:"documents"`
	RefuseDocs   []documentVector `json:"refuse_documents"`
}

type chainVector struct {
	Name   string        `json:"name"`
	Chain  charter.Chain `json:"chain"`
	Pinned string        `json:"pinned"`
	Newest string        `json:"newest"`
	Fault  string        `json:"fault"`
}

type documentVector struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	Fault string `json:"fault"`
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("../../spec/vectors/charter.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Chains) == 0 || len(v.RefuseChains) == 0 || len(v.Documents) == 0 || len(v.RefuseDocs) == 0 {
		t.Fatal("the vectors are incomplete")
	}
	return v
}

// signer signs with a key of the vectors.
type signer struct{ key ed25519.PrivateKey }

func (s signer) PublishKey() string {
	return base64.StdEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
}
func (s signer) Sign(doc []byte) []byte { return ed25519.Sign(s.key, doc) }

func TestVectorsKeys(t *testing.T) {
	for _, k := range load(t).Keys {
		seed, err := hex.DecodeString(k.Seed)
		if err != nil {
			t.Fatal(err)
		}
		if got := (signer{ed25519.NewKeyFromSeed(seed)}).PublishKey(); got != k.PublishKey {
			t.Errorf("%s: public key %s, want %s", k.Name, got, k.PublishKey)
		}
		if got := charter.KeyID(k.PublishKey); got != k.ID {
			t.Errorf("%s: KeyID = %s, want %s", k.Name, got, k.ID)
		}
	}
	for _, bad := range []string{"", "x", strings.Repeat("A", 43) + "=\n", strings.Repeat("A", 42) + "B="} {
		if got := charter.KeyID(bad); got != "" {
			t.Errorf("KeyID(%q) = %s, want none", bad, got)
		}
	}
}

func TestVectorsChains(t *testing.T) {
	v := load(t)
	for _, c := range v.Chains {
		t.Run(c.Name, func(t *testing.T) {
			got, err := c.Chain.Verify(c.Pinned)
			if err != nil {
				t.Fatal(err)
			}
			if id, err := got.ID(); err != nil || id != c.Newest {
				t.Errorf("the newest is %s, %v, want %s", id, err, c.Newest)
			}
		})
	}
	for _, c := range v.RefuseChains {
		t.Run("refuses "+c.Name, func(t *testing.T) {
			if _, err := c.Chain.Verify(c.Pinned); !errors.Is(err, fault.Invalid(c.Fault)) {
				t.Errorf("Verify = %v, want %s", err, c.Fault)
			}
		})
	}
}

func TestVectorsDocuments(t *testing.T) {
	v := load(t)
	for _, c := range v.Documents {
		t.Run(c.Name, func(t *testing.T) {
			got, err := charter.Parse([]byte(c.Text))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := got.Bytes(); err != nil || string(b) != c.Text {
				t.Errorf("Bytes = %s, %v, want %s", b, err, c.Text)
			}
		})
	}
	for _, c := range v.RefuseDocs {
		t.Run("refuses "+c.Name, func(t *testing.T) {
			if _, err := charter.Parse([]byte(c.Text)); !errors.Is(err, fault.Invalid(c.Fault)) {
				t.Errorf("Parse = %v, want %s", err, c.Fault)
			}
		})
	}
}

// TestEveryByteIsSigned changes each byte of a signed document in turn.
func TestEveryByteIsSigned(t *testing.T) {
	c := load(t).Chains[0]
	newest, err := c.Chain.Verify("")
	if err != nil {
		t.Fatal(err)
	}
	first, err := charter.Parse([]byte(c.Chain[0].Document))
	if err != nil {
		t.Fatal(err)
	}
	doc := []byte(c.Chain[1].Document)
	for i := range doc {
		doc[i] ^= 1
		if first.Verify(doc, c.Chain[1].Signatures) == nil {
			t.Fatalf("byte %d may be changed", i)
		}
		doc[i] ^= 1
	}
	if got := newest.Recipients(); len(got) != 3 || slices.Contains(got, first.People[1].Recipient) {
		t.Errorf("Recipients = %v, want three, without the retired one", got)
	}
	if got := len(newest.Current()); got != 3 || len(newest.People) != 4 {
		t.Errorf("%d of %d people are current, want 3 of 4", got, len(newest.People))
	}
}

// TestOneKeySignsOnce repeats one signature under other names.
func TestOneKeySignsOnce(t *testing.T) {
	v := load(t)
	s := v.Chains[0].Chain[0]
	c, err := charter.Parse([]byte(s.Document))
	if err != nil {
		t.Fatal(err)
	}
	one := s.Signatures[v.Keys[0].ID]
	sigs := charter.Signatures{v.Keys[0].ID: one, v.Keys[1].ID: one, v.Keys[2].ID: one, "other": one}
	if err := c.Verify([]byte(s.Document), sigs); !errors.Is(err, fault.Forbidden("charter.too_few_signatures")) {
		t.Errorf("Verify = %v, want charter.too_few_signatures", err)
	}
	if err := (charter.Charter{}).Verify(nil, nil); err == nil {
		t.Error("a charter without people verifies")
	}
}

func TestSignaturesAdd(t *testing.T) {
	v := load(t)
	want := v.Chains[0].Chain[0]
	got := make(charter.Signatures)
	for _, k := range v.Keys[:2] {
		seed, err := hex.DecodeString(k.Seed)
		if err != nil {
			t.Fatal(err)
		}
		got.Add([]byte(want.Document), signer{ed25519.NewKeyFromSeed(seed)})
	}
	if diff := cmp.Diff(got, want.Signatures); diff != "" {
		t.Errorf("Add: -got +want\n%s", diff)
	}
}

func TestChainAsFiles(t *testing.T) {
	want := load(t).Chains[1].Chain
	dir := t.TempDir()
	for range 2 { // writing again changes nothing
		if err := charter.WriteChain(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := charter.ReadChain(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("ReadChain: -got +want\n%s", diff)
	}
	for name, b := range want.Files() {
		onDisk, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(onDisk) != string(b) {
			t.Errorf("%s differs, %v", name, err)
		}
	}
	left, err := fs.Glob(os.DirFS(dir), "charter/.new-*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestReadChainRefuses(t *testing.T) {
	if _, err := charter.ReadChain(fstest.MapFS{}); !errors.Is(err, fault.NotFound("charter.none_here")) {
		t.Errorf("an empty place: ReadChain = %v, want charter.none_here", err)
	}
	large := fstest.MapFS{"charter/1.json": {Data: make([]byte, 2<<20)}}
	if _, err := charter.ReadChain(large); !errors.Is(err, fault.TooLarge("charter.too_large")) {
		t.Errorf("a large document: ReadChain = %v, want charter.too_large", err)
	}
	sig := fstest.MapFS{"charter/1.json": {Data: []byte("{}")}, "charter/1.json.x.sig": {Data: make([]byte, 65)}}
	if _, err := charter.ReadChain(sig); !errors.Is(err, fault.TooLarge("charter.too_large")) {
		t.Errorf("a large signature: ReadChain = %v, want charter.too_large", err)
	}
}

func TestNext(t *testing.T) {
	v := load(t)
	first, err := charter.Parse([]byte(v.Chains[0].Chain[0].Document))
	if err != nil {
		t.Fatal(err)
	}
	next, err := first.Next("2026-07-01")
	if err != nil {
		t.Fatal(err)
	}
	if next, err = next.Retire("Bek", "2026-06-30"); err != nil {
		t.Fatal(err)
	}
	fourth := first.People[0]
	fourth.Name, fourth.PublishKey, fourth.Since = "Давлат", v.Keys[3].PublishKey, "2026-07-01"
	second, err := charter.Parse([]byte(v.Chains[0].Chain[1].Document))
	if err != nil {
		t.Fatal(err)
	}
	fourth.Recipient = second.People[3].Recipient
	next = next.With(fourth)
	b, err := next.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), v.Chains[0].Chain[1].Document); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if first.People[1].Retired != "" || len(first.People) != 3 {
		t.Error("the first version was changed by the second")
	}
	if _, err := next.Retire("Bek", "2026-08-01"); !errors.Is(err, fault.NotFound("charter.no_such_person")) {
		t.Errorf("retiring twice = %v, want charter.no_such_person", err)
	}
}

func FuzzParse(f *testing.F) {
	v := load(f)
	for _, d := range slices.Concat(v.Documents, v.RefuseDocs) {
		f.Add([]byte(d.Text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := charter.Parse(b)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("%v has no words for people", err)
			}
			return
		}
		if again, err := c.Bytes(); err != nil || string(again) != string(b) {
			t.Fatalf("%q reads as %+v and writes as %q, %v", b, c, again, err)
		}
		if id, err := c.ID(); err != nil || id != canon.Hash(b) {
			t.Fatalf("ID = %s, %v, want %s", id, err, canon.Hash(b))
		}
	})
}
