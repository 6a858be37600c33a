package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"filippo.io/age"

	"kua/internal/fault"
)

// MinPassphrase is the fewest characters of a passphrase that locks a key file.
const MinPassphrase = 12

const (
	defaultCost = 18 // log2 of scrypt's N, as the age command does: about a second and 256 MiB
	maxCost     = 20

	maxKeyFile = 64 << 10

	nameLine      = "# name: "
	recipientLine = "# public key: "
	publishLine   = "# publishing-key: "
)

// Lock writes the person's key file: an age file under a passphrase whose
// content is itself an age identity file, so that the stock age command opens
// the lock and, with the result, every parcel. A passphrase of fewer than eight
// characters is refused.
func (p *Person) Lock(passphrase string) ([]byte, error) {
	return p.LockAt(passphrase, defaultCost)
}

// LockAt is Lock with the base-2 logarithm of scrypt's cost: lower than Lock's
// is for tests and throwaway keys.
func (p *Person) LockAt(passphrase string, cost int) ([]byte, error) {
	if utf8.RuneCountInString(passphrase) < MinPassphrase {
		return nil, fault.Invalid("keyring.passphrase_short", MinPassphrase)
	}
	if cost < 1 || cost > maxCost {
		return nil, fmt.Errorf("scrypt cost %d is not within 1 to %d", cost, maxCost)
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("lock key file: %w", err)
	}
	r.SetWorkFactor(cost)
	var file bytes.Buffer
	w, err := age.Encrypt(&file, r)
	if err != nil {
		return nil, fmt.Errorf("lock key file: %w", err)
	}
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("lock key file: %w", err)
	}
	return file.Bytes(), nil
}

// text is the content of the key file: comment lines and the age identity.
func (p *Person) text() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.publish)
	if err != nil {
		return nil, fmt.Errorf("write publishing key: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("# A key file of Kuä. Whoever has these lines reads every report and signs as this person.\n")
	b.WriteString(nameLine + p.name + "\n")
	b.WriteString(recipientLine + p.recipient + "\n")
	b.WriteString(publishLine + base64.StdEncoding.EncodeToString(der) + "\n")
	b.WriteString(p.identity.String() + "\n")
	return b.Bytes(), nil
}

// Unlock opens a key file. A wrong passphrase is the fault
// keyring.wrong_passphrase, a file that is none keyring.not_a_key_file.
func Unlock(file []byte, passphrase string) (*Person, error) {
	if len(file) > maxKeyFile {
		return nil, fault.Invalid("keyring.not_a_key_file")
	}
	if passphrase == "" {
		return nil, fault.Forbidden("keyring.wrong_passphrase")
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("unlock key file: %w", err)
	}
	id.SetMaxWorkFactor(maxCost)
	r, err := age.Decrypt(bytes.NewReader(file), id)
	if noMatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &noMatch) {
		if len(noMatch.StanzaTypes) == 1 && noMatch.StanzaTypes[0] == "scrypt" {
			return nil, fault.Forbidden("keyring.wrong_passphrase")
		}
		return nil, fault.Invalid("keyring.not_a_key_file").Because(err)
	}
	if err != nil {
		return nil, fault.Invalid("keyring.not_a_key_file").Because(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fault.Corrupt("keyring.damaged").Because(err)
	}
	return parseText(text)
}

// parseText reads the content of a key file.
func parseText(text []byte) (*Person, error) {
	p := new(Person)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		var err error
		switch {
		case strings.HasPrefix(line, nameLine):
			p.name = strings.TrimPrefix(line, nameLine)
		case strings.HasPrefix(line, publishLine):
			p.publish, err = parsePublish(strings.TrimPrefix(line, publishLine))
		case strings.HasPrefix(line, "#"), line == "":
		case p.identity == nil:
			p.identity, p.recipient, err = parseIdentity(line)
		default:
			err = errors.New("more than one identity")
		}
		if err != nil {
			return nil, fault.Invalid("keyring.not_a_key_file").Because(err)
		}
	}
	if p.identity == nil || p.publish == nil || checkName(p.name) != nil {
		return nil, fault.Invalid("keyring.not_a_key_file")
	}
	return p, nil
}

func parseIdentity(line string) (identity, string, error) {
	if strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1") {
		id, err := age.ParseHybridIdentity(line)
		if err != nil {
			return nil, "", errors.New("damaged identity") // age's own error may quote the key
		}
		return id, id.Recipient().String(), nil
	}
	id, err := age.ParseX25519Identity(line)
	if err != nil {
		return nil, "", errors.New("damaged identity")
	}
	return id, id.Recipient().String(), nil
}

func parsePublish(text string) (ed25519.PrivateKey, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("damaged publishing key")
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("damaged publishing key")
	}
	publish, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("publishing key of another kind")
	}
	return publish, nil
}
