package keyring_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"kua/internal/canon"
	"kua/internal/keyring"
	"kua/internal/parcel"
	"kua/internal/receipt"
	"kua/internal/seal"
)

// The tests of this file open what Kuä makes with the stock age command of the
// version in go.mod, tar, sha256sum and openssl, and the other way round. A tool
// that is missing is a failure.

var stockDir string // set once by stockAge

// stockAge builds age, age-keygen and age-plugin-batchpass once and gives their directory.
var stockAge = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kua-age-")
	if err != nil {
		return "", err
	}
	stockDir = dir
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "filippo.io/age").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version of age: %w", err)
	}
	for _, name := range []string{"age", "age-keygen", "age-plugin-batchpass"} {
		cmd := exec.Command("go", "install", "filippo.io/age/cmd/"+name+"@"+strings.TrimSpace(string(version)))
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if stockDir != "" {
		os.RemoveAll(stockDir)
	}
	os.Exit(code)
}

// shell runs a script in a fresh directory that holds the given files, with the
// stock age first in PATH, and gives what it printed.
func shell(t *testing.T, script string, files map[string][]byte) (dir, out string, err error) {
	t.Helper()
	bin, err := stockAge()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "AGE_PASSPHRASE="+passphrase, "LC_ALL=C.UTF-8")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w\n%s%s", err, stdout.String(), stderr.String())
	}
	return dir, stdout.String(), err
}

func mustShell(t *testing.T, script string, files map[string][]byte) (dir, out string) {
	t.Helper()
	dir, out, err := shell(t, script, files)
	if err != nil {
		t.Fatal(err)
	}
	return dir, out
}

const passphrase = "қысқа емес құпия сөз"

// openBag does by hand what docs and spec say: unlock the key file, open the
// parcel, unpack it, and validate the bag: both manifests, no file that is not
// listed, and the octets and files of Payload-Oxum.
const openBag = `
	age -d -j batchpass person.age > identity
	age -d -i identity parcel.age | tar x
	cd parcel
	sha256sum --strict -c manifest-sha256.txt
	sha256sum --strict -c tagmanifest-sha256.txt
	diff <(find data -type f | sort) <(cut -c67- manifest-sha256.txt | sort)
	diff <(find . -maxdepth 1 -type f ! -name tagmanifest-sha256.txt | cut -c3- | sort) <(cut -c67- tagmanifest-sha256.txt | sort)
	test "$(find data -type f -exec cat {} + | wc -c).$(find data -type f | wc -l)" = "$(sed -n 's/^Payload-Oxum: //p' bag-info.txt)"
	printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | cmp - bagit.txt
`

func TestStockToolsOpenParcel(t *testing.T) {
	for _, kind := range []seal.Kind{seal.Hybrid, seal.X25519} {
		t.Run(string(kind), func(t *testing.T) {
			people := []*keyring.Person{newPerson(t, kind), newPerson(t, kind), newPerson(t, kind)}
			film := bytes.Repeat([]byte("a film "), 50_000)
			sealed := sealFor(t, people, parcel.Source{Name: "Видео.MP4", Type: "video/mp4", Size: int64(len(film)), Open: func() (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(film)), nil
			}})
			for _, p := range people {
				dir, _ := mustShell(t, openBag, map[string][]byte{"person.age": lock(t, p), "parcel.age": sealed})
				got, err := os.ReadFile(filepath.Join(dir, "parcel/data/files/1.mp4"))
				if err != nil || !bytes.Equal(got, film) {
					t.Errorf("the film differs, %v", err)
				}
				text, err := os.ReadFile(filepath.Join(dir, "parcel/data/report.json"))
				if err != nil {
					t.Fatal(err)
				}
				if r, err := parcel.ParseReport(text); err != nil || r.Files[0].Name != "Видео.MP4" {
					t.Errorf("the report reads as %+v, %v", r, err)
				}
			}
		})
	}
}

// TestStockToolsMakeParcel reads a parcel that a stranger made with tar,
// sha256sum and age alone, after the specification.
func TestStockToolsMakeParcel(t *testing.T) {
	p := newPerson(t, seal.Hybrid)
	report, err := parcel.Report{
		Kind: parcel.ReportKind, What: "question", Text: "Руками.", Language: "ru", Written: "2026-11-21",
		Files: []parcel.ReportFile{{Path: "data/files/1.txt", Name: "1.txt", Type: "text/plain", Size: 6}},
	}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"ustar", "gnu", "pax"} {
		dir, _ := mustShell(t, `
			mkdir -p parcel/data/files
			cp report.json parcel/data/report.json
			echo hello > parcel/data/files/1.txt
			cd parcel
			printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' > bagit.txt
			echo 'Contact-Name: somebody' > bag-info.txt
			find data -type f -exec sha256sum {} + > manifest-sha256.txt
			sha256sum bagit.txt bag-info.txt manifest-sha256.txt > tagmanifest-sha256.txt
			cd ..
			tar c --format=`+format+` parcel/data/report.json parcel/data/files parcel/*.txt | age -r `+p.Recipient()+` > parcel.age
		`, map[string][]byte{"report.json": report})
		f, err := os.Open(filepath.Join(dir, "parcel.age"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		plain, err := p.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		if bag, err := parcel.ReadBag(plain, parcel.Limits{}); err != nil || bag.Report.Text != "Руками." {
			t.Errorf("%s: ReadBag = %+v, %v", format, bag, err)
		}
	}
}

// TestStockToolsOpenRewrapped gives a parcel a new header: the new person opens
// it with stock age, the old one no longer, and not one byte of the payload moved.
func TestStockToolsOpenRewrapped(t *testing.T) {
	for _, kind := range []seal.Kind{seal.Hybrid, seal.X25519} {
		t.Run(string(kind), func(t *testing.T) {
			old, next, third := newPerson(t, kind), newPerson(t, kind), newPerson(t, kind)
			sealed := sealFor(t, []*keyring.Person{old})
			header, err := keyring.Header(bytes.NewReader(sealed))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(sealed, header) {
				t.Fatal("the header is not the beginning of the file")
			}
			newHeader, err := old.Rewrap(header, []string{next.Recipient(), third.Recipient()})
			if err != nil {
				t.Fatal(err)
			}
			rewrapped := slices.Concat(newHeader, sealed[len(header):])
			for _, p := range []*keyring.Person{next, third} {
				mustShell(t, openBag, map[string][]byte{"person.age": lock(t, p), "parcel.age": rewrapped})
			}
			_, _, err = shell(t, openBag, map[string][]byte{"person.age": lock(t, old), "parcel.age": rewrapped})
			if err == nil || !strings.Contains(err.Error(), "no identity matched") && !strings.Contains(err.Error(), "identity did not match") {
				t.Errorf("the old person: %v, want no match", err)
			}
			if again, err := keyring.Header(bytes.NewReader(rewrapped)); err != nil || !bytes.Equal(again, newHeader) {
				t.Errorf("the new header does not read back: %v", err)
			}
		})
	}
}

func TestStockAgeKnowsTheIdentity(t *testing.T) {
	for _, kind := range []seal.Kind{seal.Hybrid, seal.X25519} {
		p := newPerson(t, kind)
		_, out := mustShell(t, "age -d -j batchpass person.age | age-keygen -y", map[string][]byte{"person.age": lock(t, p)})
		if got := strings.TrimSpace(out); got != p.Recipient() {
			t.Errorf("%s: age-keygen says %s, want %s", kind, got, p.Recipient())
		}
	}
}

func TestStockAgeOpensReply(t *testing.T) {
	k, err := receipt.New().Derive()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := seal.Reply([]byte("Келіңіз. Придите.\n"), k.ReplyRecipient)
	if err != nil {
		t.Fatal(err)
	}
	_, out := mustShell(t, "age -d -i identity reply.age | tr -d '\\0'", map[string][]byte{"identity": []byte(k.ReplyIdentity + "\n"), "reply.age": sealed})
	if want := "Келіңіз. Придите.\n"; out != want {
		t.Errorf("the reply reads %q, want %q", out, want)
	}
}

// TestStockOpensslKnowsTheSignature signs with the key that the key file holds,
// taken out by hand, and checks a signature of ours.
func TestStockOpensslKnowsTheSignature(t *testing.T) {
	p := newPerson(t, seal.Hybrid)
	doc := []byte(`{"kind":"kua record"}`)
	raw, err := base64.StdEncoding.DecodeString(p.PublishKey())
	if err != nil {
		t.Fatal(err)
	}
	prefix := []byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00} // RFC 8410
	der := slices.Concat(prefix, raw)
	if _, err := x509.ParsePKIXPublicKey(der); err != nil {
		t.Fatal(err)
	}
	_, out := mustShell(t, `
		openssl pkeyutl -verify -rawin -pubin -inkey key.pem -in doc -sigfile sig
		age -d -j batchpass person.age | sed -n 's/^# publishing-key: //p' | base64 -d > private.der
		openssl pkey -inform DER -in private.der -pubout | cmp - key.pem
		openssl pkeyutl -sign -rawin -keyform DER -inkey private.der -in doc | cmp - sig
	`, map[string][]byte{
		"key.pem":    pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"doc":        doc,
		"sig":        p.Sign(doc),
		"person.age": lock(t, p),
	})
	if !strings.Contains(out, "Signature Verified Successfully") {
		t.Errorf("openssl says %q", out)
	}
}

func newPerson(t testing.TB, kind seal.Kind) *keyring.Person {
	t.Helper()
	p, err := keyring.NewPersonOf(kind, "Айгүл")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func lock(t testing.TB, p *keyring.Person) []byte {
	t.Helper()
	file, err := p.LockAt(passphrase, 10)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func recipients(people []*keyring.Person) []string {
	var rs []string
	for _, p := range people {
		rs = append(rs, p.Recipient())
	}
	return rs
}

func sealFor(t testing.TB, people []*keyring.Person, files ...parcel.Source) []byte {
	t.Helper()
	var sealed bytes.Buffer
	r := parcel.Report{What: "detention", Text: "Слова.", Language: "ru", Written: "2026-11-21"}
	if err := parcel.Seal(&sealed, r, files, recipients(people), nil); err != nil {
		t.Fatal(err)
	}
	if got, err := parcel.Split(bytes.NewReader(sealed.Bytes()), func(_ int, hash string, piece []byte) error {
		if canon.Hash(piece) != hash {
			t.Errorf("piece %s has another hash", hash)
		}
		return nil
	}); err != nil || got.Size != int64(sealed.Len()) {
		t.Fatalf("Split = %+v, %v", got, err)
	}
	return sealed.Bytes()
}
