package node

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/blob"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// maxAsked is the most hashes of one question.
const maxAsked = 100_000

// editionMissing says which files the node lacks.
func (n *Node) editionMissing(w http.ResponseWriter, r *http.Request, body []byte) error {
	var ask nodeapi.Missing
	if err := readJSON(body, &ask); err != nil {
		return err
	}
	if len(ask.Missing) > maxAsked {
		return fault.TooLarge("node.too_many_names", maxAsked)
	}
	answer := nodeapi.Missing{Missing: []string{}}
	for _, hash := range ask.Missing {
		has, err := n.files.Has(r.Context(), hash)
		if err != nil {
			return err
		}
		if !has {
			answer.Missing = append(answer.Missing, hash)
		}
	}
	return writeJSON(w, http.StatusOK, answer)
}

// putFile keeps a file of an edition to come. It streams, so the desk signs the
// file's own hash as the body's.
func (n *Node) putFile(w http.ResponseWriter, r *http.Request) error {
	hash := r.PathValue("hash")
	want, err := n.authorised(r)
	if err != nil {
		return err
	}
	if want != hash || !blob.IsHash(hash) {
		return fault.Forbidden("nodeapi.desk_other_call")
	}
	if r.ContentLength > edition.MaxFile {
		return fault.TooLarge("node.body_too_large", int64(edition.MaxFile))
	}
	if err := n.roomFor(r.ContentLength); err != nil {
		return err
	}
	p := n.patient(w, r)
	defer p.done()
	created, err := n.files.Put(r.Context(), hash, io.LimitReader(p, edition.MaxFile+1))
	if err != nil {
		return cutOff(err)
	}
	patientWrite(w, 0)
	if created {
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// signaturePath is where the signature of a record's document lies. It is named
// by what the edition calls it; CheckPath has seen that no path can escape.
func (n *Node) signaturePath(path string) string {
	return n.editionDir("signatures", filepath.FromSlash(path))
}

// putSignature keeps one person's signature over a record of an edition to
// come. What is published already cannot be replaced.
func (n *Node) putSignature(w http.ResponseWriter, r *http.Request, body []byte) error {
	path := r.PathValue("path")
	document, _, ok := edition.Signature(path)
	if !ok || !strings.HasPrefix(document, "records/") || edition.PartOf(document) == "" {
		return fault.Invalid("edition.path", fmt.Sprintf("%.200q", path))
	}
	if len(body) != ed25519.SignatureSize {
		return fault.Invalid("node.signature_size", path)
	}
	n.intake.Lock()
	defer n.intake.Unlock()
	same, err := sameFile(n.signaturePath(path), body)
	if same {
		return noContent(w)
	}
	if err == nil {
		if p := n.edition.Load(); p != nil {
			_, served, err := n.find(r.Context(), p, document)
			if err != nil {
				return err
			}
			if served {
				return fault.Conflict("node.signature_differs", path)
			}
		}
	}
	if err := n.roomFor(0); err != nil {
		return err
	}
	if err := writeWhole(n.signaturePath(path), body); err != nil {
		return err
	}
	return noContent(w)
}

func noContent(w http.ResponseWriter) error {
	patientWrite(w, 0)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readSignatures gives the signatures kept for a record's document.
func (n *Node) readSignatures(document string) (charter.Signatures, error) {
	names, err := filepath.Glob(n.signaturePath(document) + ".*.sig")
	if err != nil {
		return nil, err
	}
	sigs := make(charter.Signatures)
	for _, name := range names {
		path := document + strings.TrimPrefix(name, n.signaturePath(document))
		_, keyID, ok := edition.Signature(path)
		if !ok {
			continue
		}
		if sigs[keyID], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return sigs, nil
}
