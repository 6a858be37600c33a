package web_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kua/internal/canon"
	"kua/internal/keyring"
	"kua/internal/parcel"
	"kua/internal/receipt"
	"kua/internal/seal"
)

// TestParcelSealedByTypeScriptOpensInGo seals with web/lib under node, to three
// people of each kind, and has every one of them open it and check the whole bag.
func TestParcelSealedByTypeScriptOpensInGo(t *testing.T) {
	film := make([]byte, 700_001)
	rand.Read(film)
	for _, kind := range []seal.Kind{seal.Hybrid, seal.X25519} {
		t.Run(string(kind), func(t *testing.T) {
			dir := t.TempDir()
			order := struct {
				Receipt    string   `json:"receipt"`
				Recipients []string `json:"recipients"`
				Text       string   `json:"text"`
				Files      []string `json:"files"`
				Out        string   `json:"out"`
			}{Receipt: receipt.New().Cyrillic(), Text: "Ақша сұрады.\n\u2028\U0001F600", Out: filepath.Join(dir, "sealed")}
			var people []*keyring.Person
			for range 3 {
				p, err := keyring.NewPersonOf(kind, "made up")
				if err != nil {
					t.Fatal(err)
				}
				people, order.Recipients = append(people, p), append(order.Recipients, p.Recipient())
			}
			for _, name := range []string{"Фильм.MP4", "no extension"} {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, film, 0o600); err != nil {
					t.Fatal(err)
				}
				order.Files = append(order.Files, path)
			}
			index := sealWithNode(t, order)
			sealed, err := os.ReadFile(order.Out)
			if err != nil {
				t.Fatal(err)
			}
			want, err := parcel.Split(bytes.NewReader(sealed), func(int, string, []byte) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if index != string(want.Text()) {
				t.Errorf("the index of TypeScript:\n%s\nof Go:\n%s", index, want.Text())
			}
			for _, p := range people {
				checkBag(t, p, sealed, order.Receipt, order.Text, canon.Hash(film))
			}
		})
	}
}

func sealWithNode(t *testing.T, order any) (index string) {
	t.Helper()
	b, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "test/seal.mjs")
	cmd.Stdin = bytes.NewReader(b)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func checkBag(t *testing.T, p *keyring.Person, sealed []byte, code, text, film string) {
	t.Helper()
	plain, err := p.Open(bytes.NewReader(sealed))
	if err != nil {
		t.Fatal(err)
	}
	bag, err := parcel.ReadBag(plain, parcel.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rc, err := receipt.Parse(code)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := rc.Derive()
	if err != nil {
		t.Fatal(err)
	}
	if bag.Report.Text != text || bag.Report.Mailbox != keys.Mailbox || bag.Report.Reply != keys.ReplyRecipient {
		t.Errorf("got the report %+v", bag.Report)
	}
	if bag.Size != parcel.Padme(bag.Size) {
		t.Errorf("the plaintext of %d bytes is not padded", bag.Size)
	}
	for i, want := range []string{"Фильм.MP4", "no extension"} {
		if got := bag.Report.Files[i]; got.Name != want || bag.Entries[i+1].SHA256 != film {
			t.Errorf("attachment %d is %+v", i+1, got)
		}
	}
}
