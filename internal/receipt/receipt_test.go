package receipt_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/scrypt"

	"kua/internal/fault"
	"kua/internal/receipt"
)

const vectorFile = "../../spec/vectors/receipt.json"

// vectors is spec/vectors/receipt.json, which the browser's tests read too.
type vectors struct {
	Derive []struct {
		Bytes    string `json:"bytes"` // hex, as all byte strings here
		Check    string `json:"check"`
		Latin    string `json:"latin"`
		Cyrillic string `json:"cyrillic"`
		Master   string `json:"master"`
		Seed     string `json:"seed"`
		Identity string `json:"identity"`

		Recipient string `json:"recipient"`
		Mailbox   string `json:"mailbox"`
		Prefix    string `json:"prefix"`
		Blind     string `json:"blind"`
		Filing    string `json:"filing"`
	} `json:"derive"`
	Parse []struct {
		Text  string `json:"text"`
		Bytes string `json:"bytes"`
	} `json:"parse"`
	Refuse []struct {
		Text  string `json:"text"`
		Fault string `json:"fault"`
		Group int    `json:"group"` // 0 when no group can be named
	} `json:"refuse"`
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Derive) == 0 || len(v.Parse) == 0 || len(v.Refuse) == 0 {
		t.Fatal("the vectors are incomplete")
	}
	return v
}

func fromHex(t testing.TB, s string) receipt.Receipt {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 11 {
		t.Fatalf("%q is no receipt in hex", s)
	}
	return receipt.Receipt(b)
}

func TestVectorsDerive(t *testing.T) {
	for _, v := range load(t).Derive {
		t.Run(v.Latin, func(t *testing.T) {
			r := fromHex(t, v.Bytes)
			if got := r.String(); got != v.Latin {
				t.Errorf("String = %s, want %s", got, v.Latin)
			}
			if got := r.Cyrillic(); got != v.Cyrillic {
				t.Errorf("Cyrillic = %s, want %s", got, v.Cyrillic)
			}
			k, err := r.Derive()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct{ name, got, want string }{
				{"identity", k.ReplyIdentity, v.Identity},
				{"recipient", k.ReplyRecipient, v.Recipient},
				{"mailbox", k.Mailbox, v.Mailbox},
				{"prefix", receipt.Prefix(k.Mailbox), v.Prefix},
				{"blind", hex.EncodeToString(k.Blind[:]), v.Blind},
				{"filing", receipt.Filing(k.Blind), v.Filing},
			} {
				if c.got != c.want {
					t.Errorf("%s = %s, want %s", c.name, c.got, c.want)
				}
			}
		})
	}
}

// TestVectorsSteps follows the prose of the specification with the bare
// primitives, so that the vectors' steps are checked too.
func TestVectorsSteps(t *testing.T) {
	for _, v := range load(t).Derive {
		r := fromHex(t, v.Bytes)
		master, err := scrypt.Key(r[:], []byte("kua receipt 1"), 32768, 8, 1, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(master); got != v.Master {
			t.Errorf("%s: master = %s, want %s", v.Latin, got, v.Master)
		}
		seed, err := hkdf.Expand(sha256.New, master, "kua receipt 1 reply", 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(seed); got != v.Seed {
			t.Errorf("%s: seed = %s, want %s", v.Latin, got, v.Seed)
		}
		last := v.Latin[len(v.Latin)-5:]
		check := strings.IndexByte("bdfghjklmnprstvz", last[2])<<6 |
			strings.IndexByte("aiou", last[3])<<4 | strings.IndexByte("bdfghjklmnprstvz", last[4])
		if got := fmt.Sprintf("%02x", check&0xff); got != v.Check {
			t.Errorf("%s: check byte = %s, want %s", v.Latin, got, v.Check)
		}
	}
}

func TestVectorsParse(t *testing.T) {
	for _, v := range load(t).Parse {
		got, err := receipt.Parse(v.Text)
		if err != nil {
			t.Errorf("Parse(%q) = %v", v.Text, err)
			continue
		}
		if want := fromHex(t, v.Bytes); got != want {
			t.Errorf("Parse(%q) = %v, want %v", v.Text, got, want)
		}
	}
}

func TestVectorsRefuse(t *testing.T) {
	for _, v := range load(t).Refuse {
		_, err := receipt.Parse(v.Text)
		if !errors.Is(err, fault.Invalid(v.Fault)) {
			t.Errorf("Parse(%q) = %v, want %s", v.Text, err, v.Fault)
			continue
		}
		f, _ := fault.Of(err)
		if v.Group > 0 && f.Args[len(f.Args)-1] != v.Group {
			t.Errorf("Parse(%q) names group %v, want %d", v.Text, f.Args[len(f.Args)-1], v.Group)
		}
	}
}

func TestNewRoundTrip(t *testing.T) {
	seen := make(map[receipt.Receipt]bool)
	for range 1000 {
		r := receipt.New()
		if seen[r] {
			t.Fatalf("%v came twice", r)
		}
		seen[r] = true
		for _, s := range []string{r.String(), r.Cyrillic(), strings.ReplaceAll(r.String(), "-", "")} {
			got, err := receipt.Parse(s)
			if err != nil || got != r {
				t.Fatalf("Parse(%q) = %v, %v, want %v", s, got, err, r)
			}
		}
	}
}

// TestEverySingleSlip changes every letter of a receipt into every other letter
// of its kind, and swaps every two letters within a group: none may read as another receipt.
func TestEverySingleSlip(t *testing.T) {
	for range 20 {
		r := receipt.New()
		for name, text := range map[string][]rune{"latin": []rune(r.String()), "cyrillic": []rune(r.Cyrillic())} {
			consonants, vowels := []rune("bdfghjklmnprstvz"), []rune("aiou")
			if name == "cyrillic" {
				consonants, vowels = []rune("бдфгхжклмнпрствз"), []rune("аиоу")
			}
			for i, c := range text {
				if c == '-' {
					continue
				}
				set := consonants
				if i%6%2 == 1 {
					set = vowels
				}
				for _, wrong := range set {
					if wrong != c {
						refuse(t, r, text, i, wrong, i, wrong)
					}
				}
				for j := i + 1; j < len(text) && text[j] != '-'; j++ {
					if text[j] != c {
						refuse(t, r, text, i, text[j], j, c)
					}
				}
			}
		}
	}
}

func refuse(t *testing.T, r receipt.Receipt, text []rune, i int, a rune, j int, b rune) {
	t.Helper()
	slip := append([]rune(nil), text...)
	slip[i], slip[j] = a, b
	if got, err := receipt.Parse(string(slip)); err == nil && got != r { // l for i is mended by its place
		t.Fatalf("Parse(%s) = %v, want a fault: it is a slip of %v", string(slip), got, r)
	}
}

// TestLookAlikes types single letters of the other alphabet that have the same
// shape, as a telephone's keyboard makes people do.
func TestLookAlikes(t *testing.T) {
	alike := map[rune]rune{'а': 'a', 'о': 'o', 'р': 'p', 'с': 'c', 'х': 'x', 'у': 'y', 'к': 'k', 'т': 't', 'м': 'm'}
	wrong, mixed := 0, 0
	for range 2000 {
		r := receipt.New()
		text := []rune(r.Cyrillic())
		for i, c := range text {
			if l, ok := alike[c]; ok {
				text[i] = l
			}
		}
		if string(text) == r.Cyrillic() {
			continue
		}
		mixed++
		if got, err := receipt.Parse(string(text)); err == nil && got != r {
			t.Fatalf("Parse(%s) = %v, want %v or a fault", string(text), got, r)
		} else if err != nil {
			wrong++
		}
	}
	if wrong*50 > mixed {
		t.Errorf("%d of %d receipts with look-alikes were refused, want about one in 256", wrong, mixed)
	}
}

func TestDeriveOpensReply(t *testing.T) {
	k, err := receipt.New().Derive()
	if err != nil {
		t.Fatal(err)
	}
	id, err := age.ParseHybridIdentity(k.ReplyIdentity)
	if err != nil {
		t.Fatal(err)
	}
	if got := id.Recipient().String(); got != k.ReplyRecipient {
		t.Errorf("the identity's recipient is %s, want %s", got, k.ReplyRecipient)
	}
}

func TestPrefix(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a3000000000000000000000000000000", "a3"},
		{"a3", ""},
		{"", ""},
		{"zz000000000000000000000000000000", ""},
	} {
		if got := receipt.Prefix(c.in); got != c.want {
			t.Errorf("Prefix(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	v := load(f)
	for _, p := range v.Parse {
		f.Add(p.Text)
	}
	for _, p := range v.Refuse {
		f.Add(p.Text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := receipt.Parse(s)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("Parse(%q) = %v, which has no words for people", s, err)
			}
			return
		}
		for _, text := range []string{r.String(), r.Cyrillic()} {
			if again, err := receipt.Parse(text); err != nil || again != r {
				t.Fatalf("Parse(%q) = %v, which writes as %q and reads as %v, %v", s, r, text, again, err)
			}
		}
	})
}

func BenchmarkDerive(b *testing.B) {
	r := receipt.New()
	for b.Loop() {
		if _, err := r.Derive(); err != nil {
			b.Fatal(err)
		}
	}
}
