package node

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"kua/internal/fault"
)

// EnsureKey makes the key of a node in dir, if there is none, and gives its
// public half in base64: what a charter must name before the node can start.
func EnsureKey(dir string) (string, error) {
	key, err := ensureKey(dir)
	if err != nil {
		return "", err
	}
	return publicKey(key), nil
}

// Key gives the node's public key in base64, as a charter names it.
func (n *Node) Key() string { return publicKey(n.key) }

func publicKey(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// ensureKey keeps the node's key as PKCS #8 in PEM, which openssl reads.
func ensureKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, "key.pem")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(dir, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the node's key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fault.Corrupt("node.bad_key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(ed25519.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, fault.Corrupt("node.bad_key", path).Because(err)
}

func makeKey(dir, path string) (ed25519.PrivateKey, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the node's directory: %w", err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeWhole(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
