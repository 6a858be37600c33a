package keyring

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"kua/internal/fault"
	"kua/internal/seal"
)

// Header gives the bytes of the age header with which r begins; the payload
// follows them. It may read beyond the header.
func Header(r io.Reader) ([]byte, error) {
	src := &sourceReader{r: r}
	header, err := age.ExtractHeader(src)
	if err != nil {
		return nil, openFault(err, src.failed())
	}
	return header, nil
}

// Rewrap opens the file key in a header and writes a new header with the same
// file key for other recipients. With it in front, the untouched payload opens
// for them and no longer for the old ones. The old header still opens: whoever
// kept header and payload together can read on.
func (p *Person) Rewrap(header []byte, recipients []string) ([]byte, error) {
	if _, err := seal.KindOf(recipients); err != nil {
		return nil, err
	}
	fileKey, err := age.DecryptHeader(header, p.identity)
	if err != nil {
		return nil, openFault(err, nil)
	}
	defer clear(fileKey)
	var b bytes.Buffer
	b.WriteString("age-encryption.org/v1\n")
	for i, s := range recipients {
		stanzas, err := wrap(s, fileKey)
		if err != nil {
			return nil, fault.Invalid("seal.recipient", i+1).Because(err)
		}
		for _, st := range stanzas {
			writeStanza(&b, st)
		}
	}
	b.WriteString("---")
	mac, err := headerMAC(fileKey, b.Bytes())
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, " %s\n", base64.RawStdEncoding.EncodeToString(mac))
	return b.Bytes(), nil
}

func wrap(recipient string, fileKey []byte) ([]*age.Stanza, error) {
	if strings.HasPrefix(recipient, "age1pq1") {
		r, err := age.ParseHybridRecipient(recipient)
		if err != nil {
			return nil, err
		}
		return r.Wrap(fileKey)
	}
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, err
	}
	return r.Wrap(fileKey)
}

// writeStanza writes one stanza as the age format wants it: the body in unpadded
// base64, 64 columns a line, the last line shorter than that, if need be empty.
func writeStanza(b *bytes.Buffer, s *age.Stanza) {
	b.WriteString("-> " + strings.Join(append([]string{s.Type}, s.Args...), " ") + "\n")
	body := base64.RawStdEncoding.EncodeToString(s.Body)
	for len(body) >= 64 {
		b.WriteString(body[:64] + "\n")
		body = body[64:]
	}
	b.WriteString(body + "\n")
}

// headerMAC authenticates the header up to and with its "---".
func headerMAC(fileKey, header []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, fileKey, nil, "header", 32)
	if err != nil {
		return nil, fmt.Errorf("derive header key: %w", err)
	}
	m := hmac.New(sha256.New, key)
	m.Write(header)
	return m.Sum(nil), nil
}
