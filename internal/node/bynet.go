package node

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strings"

	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// byNet takes a call that the desk signed for the road by hand from a courier who has
// a net, and answers with the node's signed word that it was done. What the desk reads
// from a node is not among these calls. Where the desk has a door of its own, they are
// taken nowhere by net: the courier has no key to that door.
func (n *Node) byNet(do handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if n.cfg.DeskApart {
			return fault.NotFound("node.no_call")
		}
		signed := r.WithContext(context.WithValue(r.Context(), carriedCall{}, byNet))
		u := *r.URL
		u.Path, u.RawPath = nodeapi.Base+strings.TrimPrefix(u.Path, nodeapi.Base+nodeapi.CarriedBase), ""
		signed.URL = &u
		hash, err := n.authorised(signed)
		if err != nil {
			return err
		}
		a := &apart{ResponseWriter: w, header: make(http.Header), status: http.StatusOK}
		if err := do(a, signed); err != nil {
			return err
		}
		if a.status/100 != 2 {
			maps.Copy(w.Header(), a.header)
			w.WriteHeader(a.status)
			_, _ = w.Write(a.body.Bytes()) // a caller that went away will ask again
			return nil
		}
		var out nodeapi.CarriedAnswer
		if out.Done, err = n.didCall(nodeapi.Carried{Method: signed.Method, Path: u.RequestURI(), SHA256: hash}.ID()); err != nil {
			return err
		}
		if out.State, err = n.signedState(false); err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, out)
	}
}

// apart keeps an answer from the caller; the connection's deadlines stay its own.
type apart struct {
	http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *apart) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *apart) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *apart) Write(b []byte) (int, error) { return a.body.Write(b) }

// Unwrap leads http.ResponseController to the connection.
func (a *apart) Unwrap() http.ResponseWriter { return a.ResponseWriter }
