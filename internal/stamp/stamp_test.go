package stamp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"kua/internal/fault"
	"kua/internal/stamp"
	"kua/internal/stamp/stamptest"
)

var message = []byte("kua.example/log\n7\nrlr4cK…\n\n— kua.example/log AAAA\n")

func service(t testing.TB, o stamptest.Options) (*stamptest.Service, stamp.Roots) {
	t.Helper()
	s, err := stamptest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r, err := stamp.ParseRoots(s.Roots)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

func stamped(t testing.TB, s *stamptest.Service, at time.Time) []byte {
	t.Helper()
	b, err := s.Stamp(message, at)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAsk asks a service and checks what it gives, as openssl does.
func TestAsk(t *testing.T) {
	s, roots := service(t, stamptest.Options{})
	response, said, err := stamp.Ask(t.Context(), http.DefaultClient, s.URL, message, roots, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(said.Time).Abs() > time.Minute || said.NotLater().Sub(said.Time) != time.Second || said.Signer != "CN=Made-up Stamps" || said.Root != "CN=Made-up Stamps Root" || len(said.RootSHA256) != 64 {
		t.Errorf("the stamp says %+v", said)
	}
	again, err := stamp.Check(response, message, roots)
	if err != nil || again.Time != said.Time {
		t.Errorf("Check = %+v, %v", again, err)
	}
	if _, err := stamp.Check(response, append(message, '\n'), roots); !errors.Is(err, fault.Corrupt("stamp.other_bytes")) {
		t.Errorf("over other bytes: %v", err)
	}
	_, others := service(t, stamptest.Options{})
	if _, err := stamp.Check(response, message, others); !errors.Is(err, fault.Corrupt("stamp.no_root")) {
		t.Errorf("with another's root: %v", err)
	}
	asked := s.Asked()[0]
	if h := asked.Header; len(h) != 3 || h.Get("Content-Type") == "" || h.Get("Content-Length") == "" || h.Get("Accept-Encoding") == "" {
		t.Errorf("the question tells more than it must: %v", h)
	}
	if out, err := openssl(t, response, message, s.Roots); err != nil {
		t.Errorf("openssl refuses it: %v\n%s", err, out)
	}
}

// openssl verifies a stamp as the page about checking says.
func openssl(t *testing.T, response, message, roots []byte, more ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, b := range map[string][]byte{"x.tsr": response, "x.txt": message, "x.pem": roots} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", append([]string{"ts", "-verify", "-in", "x.tsr", "-data", "x.txt", "-CAfile", "x.pem"}, more...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestStampOfOpenssl checks a stamp that openssl made, with a certificate between and with
// the service's certificate named by SHA-1, as many services still do.
func TestStampOfOpenssl(t *testing.T) {
	for _, alg := range []string{"sha1", "sha256", "sha512"} {
		dir := t.TempDir()
		write := func(name, text string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("x.txt", string(message))
		write("serial", "01\n")
		write("ext", "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n")
		write("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
		write("tsa.cnf", "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ncrypto_device=builtin\nsigner_cert=tsa.pem\ncerts=between.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n"+
			"default_policy=1.2.3.4.1\ndigests=sha256\naccuracy=secs:1\nordering=yes\ntsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg="+alg+"\n")
		script := "kind=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)\n"
		if alg == "sha1" {
			script = "kind=(-newkey rsa:2048)\n"
		}
		script += `set -e
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -days 30 -subj "/CN=Root" -keyout root.key -out root.pem -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
openssl req $key -subj "/CN=Between" -keyout between.key -out between.csr
openssl x509 -req -in between.csr -CA root.pem -CAkey root.key -set_serial 2 -days 20 -extfile ca.ext -out between.pem
openssl req "${kind[@]}" -nodes -subj "/CN=Stamps" -keyout tsa.key -out tsa.csr
openssl x509 -req -in tsa.csr -CA between.pem -CAkey between.key -set_serial 3 -days 10 -extfile ext -out tsa.pem
openssl ts -query -data x.txt -sha256 -cert -out x.tsq
openssl ts -reply -config tsa.cnf -section t -queryfile x.tsq -out x.tsr`
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		response, err1 := os.ReadFile(filepath.Join(dir, "x.tsr"))
		root, err2 := os.ReadFile(filepath.Join(dir, "root.pem"))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		roots, err := stamp.ParseRoots(root)
		if err != nil {
			t.Fatal(err)
		}
		s, err := stamp.Check(response, message, roots)
		if err != nil || s.Signer != "CN=Stamps" || s.Root != "CN=Root" {
			t.Errorf("%s: %+v, %v", alg, s, err)
		}
		byNet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			question, _ := io.ReadAll(r.Body)
			write("net.tsq", string(question))
			cmd := exec.Command("openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "net.tsq")
			cmd.Dir = dir
			answer, _ := cmd.Output()
			w.Write(answer)
		}))
		answer, s, err := stamp.Ask(t.Context(), http.DefaultClient, byNet.URL, message, roots, time.Now())
		byNet.Close()
		if err != nil || s.Signer != "CN=Stamps" || bytes.Contains(answer, []byte("Operation Okay")) {
			t.Errorf("%s, asked: %+v, %v, %q", alg, s, err, answer)
		} else if out, err := openssl(t, answer, message, root); err != nil {
			t.Errorf("%s: openssl refuses what is left of it: %v\n%s", alg, err, out)
		}
	}
}

// TestAskKeepsWhatIsSigned: what whoever carries an answer adds to it, where no signature
// covers it, does not come into an edition.
func TestAskKeepsWhatIsSigned(t *testing.T) {
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value []asn1.RawValue `asn1:"set"`
	}
	type roomy struct {
		Status struct {
			Code  int
			Words []asn1.RawValue `asn1:"optional"`
		}
		Token struct {
			Type asn1.ObjectIdentifier
			Data struct {
				Version      int
				Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
				Content      asn1.RawValue
				Certificates asn1.RawValue `asn1:"tag:0"`
				Signers      []struct {
					Version   int
					Issuer    asn1.RawValue
					Digest    pkix.AlgorithmIdentifier
					Signed    asn1.RawValue `asn1:"tag:0"`
					Algorithm pkix.AlgorithmIdentifier
					Signature []byte
					Unsigned  []attribute `asn1:"optional,set,tag:1"`
				} `asn1:"set"`
			} `asn1:"explicit,tag:0"`
		}
	}
	const canary = "CANARY of whoever carries it"
	words := []asn1.RawValue{{Tag: asn1.TagUTF8String, Bytes: []byte(canary)}}
	s, roots := service(t, stamptest.Options{})
	stranger, err := stamptest.Start(stamptest.Options{Name: canary})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	foreign, _ := pem.Decode(stranger.Roots)
	for name, add := range map[string]func(*roomy){
		"words": func(r *roomy) { r.Status.Words = words },
		"certificate": func(r *roomy) {
			c := &r.Token.Data.Certificates
			c.FullBytes, c.Bytes = nil, slices.Concat(c.Bytes, foreign.Bytes)
		},
		"attribute": func(r *roomy) {
			r.Token.Data.Signers[0].Unsigned = []attribute{{asn1.ObjectIdentifier{1, 2, 3}, words}}
		},
		"digest": func(r *roomy) {
			r.Token.Data.Digests = append(r.Token.Data.Digests, pkix.AlgorithmIdentifier{
				Algorithm: asn1.ObjectIdentifier{1, 2, 3}, Parameters: asn1.RawValue{Tag: asn1.TagOctetString, Bytes: []byte(canary)},
			})
		},
	} {
		var carried []byte
		line := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			answer, err := http.Post(s.URL, q.Header.Get("Content-Type"), q.Body)
			if err != nil {
				return
			}
			defer answer.Body.Close()
			b, _ := io.ReadAll(answer.Body)
			var r roomy
			if _, err := asn1.Unmarshal(b, &r); err != nil {
				return
			}
			add(&r)
			carried, _ = asn1.Marshal(r)
			w.Write(carried)
		}))
		got, _, err := stamp.Ask(t.Context(), http.DefaultClient, line.URL, message, roots, time.Now())
		line.Close()
		if err != nil || bytes.Contains(got, []byte(canary)) {
			t.Errorf("%s: %v, %q", name, err, got)
		}
		if _, err := stamp.Check(carried, message, roots); err != nil || !bytes.Contains(carried, []byte(canary)) {
			t.Errorf("%s: what was carried is no stamp with something added: %v", name, err)
		}
		if out, err := openssl(t, got, message, s.Roots); err != nil {
			t.Errorf("%s: openssl: %v\n%s", name, err, out)
		}
	}
}

// TestOldStamp: a stamp holds by the certificates of its own time, whatever has ended since,
// and not by those of another time.
func TestOldStamp(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	s, roots := service(t, stamptest.Options{From: day("2019-01-01"), To: day("2022-01-01")})
	old := stamped(t, s, day("2021-06-01"))
	if got, err := stamp.Check(old, message, roots); err != nil || !got.Time.Equal(day("2021-06-01")) {
		t.Errorf("Check = %+v, %v", got, err)
	}
	if _, err := openssl(t, old, message, s.Roots); err == nil {
		t.Error("openssl takes it without -attime")
	}
	if out, err := openssl(t, old, message, s.Roots, "-attime", "1622505600"); err != nil {
		t.Errorf("openssl with -attime: %v\n%s", err, out)
	}
	for _, at := range []string{"2018-12-31", "2022-01-02"} {
		if _, err := stamp.Check(stamped(t, s, day(at)), message, roots); err == nil {
			t.Errorf("a stamp of %s passes", at)
		}
	}
}

// TestCheckRefuses: a certificate that is not for time stamps alone, weak digests, other
// hashes, and every changed byte.
func TestCheckRefuses(t *testing.T) {
	signing := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	for name, c := range map[string]struct {
		options stamptest.Options
		change  func(*timestamp.Timestamp)
		want    string
	}{
		"usage not critical":   {stamptest.Options{Lax: true}, nil, "stamp.not_for_stamps"},
		"another usage too":    {stamptest.Options{Usages: []asn1.ObjectIdentifier{stamptest.TimeStamping, signing}}, nil, "stamp.not_for_stamps"},
		"another usage":        {stamptest.Options{Usages: []asn1.ObjectIdentifier{signing}}, nil, "stamp.not_for_stamps"},
		"signed with SHA-1":    {stamptest.Options{Digest: crypto.SHA1}, nil, "stamp.damaged"},
		"over a longer hash":   {stamptest.Options{}, func(s *timestamp.Timestamp) { s.HashAlgorithm = crypto.SHA512 }, "stamp.other_bytes"},
		"without certificates": {stamptest.Options{}, func(s *timestamp.Timestamp) { s.AddTSACertificate, s.Certificates = false, nil }, "stamp.damaged"},
	} {
		s, roots := service(t, c.options)
		s.Change = c.change
		_, err := stamp.Check(stamped(t, s, time.Now()), message, roots)
		if f, _ := fault.Of(err); f == nil || f.Key != c.want || f.Kind != fault.KindCorrupt {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	s, roots := service(t, stamptest.Options{})
	good := stamped(t, s, time.Now())
	says, err := stamp.Check(good, message, roots)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		got, err := stamp.Check(bad, message, roots)
		if err != nil {
			refused++
		} else if got.Time != says.Time || got.Accuracy != says.Accuracy || got.Signer != says.Signer || got.RootSHA256 != says.RootSHA256 {
			t.Errorf("byte %d changed: %+v", i, got)
		}
	}
	if refused < len(good)/2 { // what may change unseen is the copy of the root that came along
		t.Errorf("%d of %d changed bytes are refused", refused, len(good))
	}
	for _, n := range []int{0, 1, len(good) / 2, len(good) - 1} {
		if _, err := stamp.Check(good[:n], message, roots); err == nil {
			t.Errorf("%d bytes of it are taken", n)
		}
	}
}

// TestAskRefuses: what does not answer this very question is no stamp of it, and who does
// not answer is asked another time.
func TestAskRefuses(t *testing.T) {
	s, roots := service(t, stamptest.Options{})
	try := func(what, want string, kind fault.Kind) {
		t.Helper()
		_, _, err := stamp.Ask(t.Context(), http.DefaultClient, s.URL, message, roots, time.Now())
		if f, _ := fault.Of(err); f == nil || f.Key != want || f.Kind != kind {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
	s.Change = func(q *timestamp.Timestamp) { q.Nonce = big.NewInt(1) }
	try("another nonce", "stamp.other_question", fault.KindCorrupt)
	s.Change = func(q *timestamp.Timestamp) { q.Nonce = nil }
	try("no nonce", "stamp.other_question", fault.KindCorrupt)
	s.Change = func(q *timestamp.Timestamp) { q.HashedMessage = make([]byte, 32) }
	try("another hash", "stamp.other_bytes", fault.KindCorrupt)
	s.Change, s.Now = nil, func() time.Time { return time.Now().Add(-30 * time.Minute) }
	if _, _, err := stamp.Ask(t.Context(), http.DefaultClient, s.URL, message, roots, time.Now()); err != nil {
		t.Error(err)
	}
	if _, _, err := stamp.Ask(t.Context(), http.DefaultClient, s.URL, message, roots, time.Now().AddDate(0, 0, 2)); !errors.Is(err, fault.Conflict("stamp.clock")) {
		t.Errorf("two days away: %v", err)
	}
	s.Status = http.StatusServiceUnavailable
	try("HTTP 503", "stamp.refused", fault.KindLater)
	rejected, err := timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/rejects":
			w.Write(rejected)
		case "/long":
			w.Write(make([]byte, stamp.MaxResponse+10))
		case "/away":
			http.Redirect(w, r, s.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer other.Close()
	asked := len(s.Asked())
	for path, want := range map[string]string{"/rejects": "stamp.refused", "/away": "stamp.refused", "/long": "stamp.damaged", "/nothing": "stamp.damaged"} {
		_, _, err := stamp.Ask(t.Context(), http.DefaultClient, other.URL+path, message, roots, time.Now())
		if f, _ := fault.Of(err); f == nil || f.Key != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if len(s.Asked()) != asked {
		t.Error("a redirection was followed")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := stamp.Ask(gone, http.DefaultClient, s.URL, message, roots, time.Now()); !errors.Is(err, fault.Later("stamp.unreachable")) {
		t.Errorf("nobody there: %v", err)
	}
	for _, address := range []string{"", "ftp://a/", "https://", "https://user:word@a/", "a.example/tsr"} {
		if err := stamp.CheckAddress(address); !errors.Is(err, fault.Invalid("stamp.address")) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestRoots: nothing but certificates comes out of a file, and without a root it is refused.
func TestRoots(t *testing.T) {
	s, roots := service(t, stamptest.Options{})
	commented, err := stamp.ParseRoots([]byte("# CANARY of a comment\n" + string(s.Roots) + "\nmore\n"))
	if err != nil || commented.ID() != roots.ID() || strings.Contains(string(commented.PEM()), "CANARY") || len(roots.ID()) != 16 {
		t.Errorf("%s, %v", commented.PEM(), err)
	}
	token, err := timestamp.ParseResponse(stamped(t, s, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	leaf := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: token.Certificates[0].Raw})
	for name, b := range map[string][]byte{
		"nothing": nil, "words": []byte("hello"), "no root": leaf, "too long": append(bytes.Clone(s.Roots), make([]byte, stamp.MaxRoots)...),
		"a key":  append(bytes.Clone(s.Roots), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})...),
		"broken": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
	} {
		if r, err := stamp.ParseRoots(b); !errors.Is(err, fault.Invalid("stamp.roots")) || r.ID() != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCheck: whatever is called a stamp, it is checked or refused.
func FuzzCheck(f *testing.F) {
	s, roots := service(f, stamptest.Options{})
	good := stamped(f, s, time.Now())
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{0x30, 0x80, 0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := stamp.Check(b, message, roots)
		if f, ok := fault.Of(err); err != nil && (!ok || f.Kind != fault.KindCorrupt) {
			t.Errorf("%v", err)
		}
		if err == nil && (got.Time.IsZero() || got.RootSHA256 == "") {
			t.Errorf("%+v", got)
		}
	})
}

// FuzzRoots: whatever is called certificates, what comes out is read the same again.
func FuzzRoots(f *testing.F) {
	s, _ := service(f, stamptest.Options{})
	f.Add(s.Roots)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := stamp.ParseRoots(b)
		if err != nil {
			return
		}
		if again, err := stamp.ParseRoots(r.PEM()); err != nil || again.ID() != r.ID() {
			t.Errorf("%q, %v", r.PEM(), err)
		}
	})
}
