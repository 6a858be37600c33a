package stamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"time"

	"github.com/digitorus/timestamp"

	"kua/internal/fault"
)

const (
	patience = 2 * time.Minute // with one service, Tor's own start included
	farOff   = 24 * time.Hour  // between a stamp's time and this clock
)

// CheckAddress refuses what cannot be a service's address: it is http or https, with
// neither a name nor a password in it.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > 200 {
		return fault.Invalid("stamp.address", fmt.Sprintf("%.200s", address)).Because(err)
	}
	return nil
}

// Plain reports whether a service is asked over plain http, so that whoever carries
// the question reads it.
func Plain(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http"
}

// Ask has a service stamp message, and gives its answer once Check and the nonce of this
// very question say that it holds, and its time is not a day away from now. Of the answer is left
// what the service signed, its signature and the certificates of the chain that came along.
// What leaves this machine is a SHA-256 and a random number, by client, which follows no
// redirection here. That the service does not answer or refuses is a fault of kind later.
func Ask(ctx context.Context, client *http.Client, address string, message []byte, roots Roots, now time.Time) ([]byte, Stamp, error) {
	if err := CheckAddress(address); err != nil {
		return nil, Stamp{}, err
	}
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, Stamp{}, err
	}
	sum := sha256.Sum256(message)
	question, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, Stamp{}, fmt.Errorf("write the question for a stamp: %w", err)
	}
	response, err := post(ctx, client, address, question)
	if err != nil {
		return nil, Stamp{}, err
	}
	_, chain, err := check(response, message, roots)
	if err != nil {
		return nil, Stamp{}, err
	}
	if response, err = lean(response, chain); err != nil {
		return nil, Stamp{}, damaged(err)
	}
	s, err := Check(response, message, roots)
	if err != nil {
		return nil, Stamp{}, err
	}
	if s.nonce == nil || s.nonce.Cmp(nonce) != 0 {
		return nil, Stamp{}, fault.Corrupt("stamp.other_question")
	}
	if away := s.Time.Sub(now).Abs(); away > farOff {
		return nil, Stamp{}, fault.Conflict("stamp.clock", s.Time.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return response, s, nil
}

// post sends the question as RFC 3161, 3.4 has it.
func post(ctx context.Context, client *http.Client, address string, question []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/timestamp-query")
	r.Header.Set("User-Agent", "") // says nothing of the program
	here := http.Client{Transport: client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := here.Do(r)
	if err != nil {
		if f, ok := fault.Of(err); ok { // of the road, such as an onion address without Tor
			return nil, f
		}
		return nil, fault.Later("stamp.unreachable").Because(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, MaxResponse+1))
	if err != nil {
		return nil, fault.Later("stamp.unreachable").Because(err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fault.Later("stamp.refused", fmt.Sprintf("HTTP %d", answer.StatusCode))
	}
	var said struct{ Status struct{ Code int } }
	if _, err := asn1.Unmarshal(b, &said); err == nil && said.Status.Code != 0 {
		return nil, fault.Later("stamp.refused", fmt.Sprintf("PKIStatus %d", said.Status.Code))
	}
	return b, nil
}
