package node

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"kua/internal/actor"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/node/nodedb"
	"kua/internal/nodeapi"
	"kua/internal/seal"
)

// What a node takes of strangers' letters to the accounts that it shows. Nobody has
// checked who wrote one, so what a sender is called bounds little: the number of all
// of them does.
const (
	actorLetters   = 2000 // that wait for the desk
	actorSame      = 3    // of these, of one kind from one sender
	actorHourly    = 600  // that are kept in an hour, in the long run
	actorAtOnce    = 100
	actorFiles     = 20_000
	actorLeft      = 200 // of all these, of accounts that are no more: servers tell everybody of each
	actorLeftHour  = 120
	actorLeftOnce  = 40
	actorCalls     = 32              // for documents, under way at a time: none of them takes a witness's place
	actorInbox     = 128             // for letters: whoever begins letters that do not come keeps the others out only with many
	letterTime     = 5 * time.Second // in which a letter must have come; other servers send it with its head
	refusedTime    = 2 * time.Second // in which the body of one comes that was refused
	maxActorFile   = 1 << 20
	actorKeepsDays = 31 // no desk would believe an older letter
)

// accounts is what a node needs to show accounts and to take letters to them.
type accounts struct {
	calls   chan struct{} // for documents
	inboxes chan struct{}
	budget  *rate.Limiter
	left    *rate.Limiter // for letters that say that an account is no more
	salt    string        // of this process
}

func newAccounts() accounts {
	return accounts{
		calls: make(chan struct{}, actorCalls), inboxes: make(chan struct{}, actorInbox), salt: rand.Text(),
		budget: rate.NewLimiter(rate.Limit(actorHourly)/3600, actorAtOnce), left: rate.NewLimiter(rate.Limit(actorLeftHour)/3600, actorLeftOnce),
	}
}

// mark is the same for letters of one kind to one account from one sender, as long as
// this process runs, and says nothing without its salt.
func (a accounts) mark(to string, said actor.Heard) string {
	return canon.Hash([]byte(a.salt + "\n" + to + "\n" + said.Kind + "\n" + said.Actor))[:32]
}

// Actors serves the accounts that desks have at this node in the network of
// ActivityPub servers: their documents and notes, which desks made, and their
// inboxes. It checks no signature and calls nobody.
func (n *Node) Actors() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /ap/{name}/inbox", n.answerIn(n.accounts.inboxes, n.takeLetter))
	mux.Handle("GET /", n.answerIn(n.accounts.calls, n.showActor))
	return mux
}

// IsActor reports whether an address is one that Actors answers.
func IsActor(path string) bool {
	return strings.HasPrefix(path, "/ap/") || path == "/.well-known/webfinger" || path == "/.well-known/nodeinfo" || path == "/nodeinfo/2.1"
}

func (n *Node) showActor(w http.ResponseWriter, r *http.Request) error {
	file, subject, ok := actor.FileAt(r.URL)
	if !ok {
		return fault.NotFound("actor.no_file")
	}
	document, err := n.db.ActorFile(r.Context(), file)
	if err != nil {
		return err
	}
	var o struct {
		Subject string
		Aliases []string
		URL     string
	}
	_ = json.Unmarshal(document, &o) // what a desk brought is JSON
	if subject != "" && subject != o.Subject && (len(o.Aliases) != 1 || subject != o.Aliases[0]) {
		return fault.NotFound("actor.no_file")
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Vary", "Accept")
	accepts := r.Header.Get("Accept")
	if actor.TypeOf(file) == actor.Type && o.URL != "" && strings.Contains(accepts, "text/html") && !strings.Contains(accepts, "json") {
		h.Set("Location", o.URL) // a browser: people read the record's own page
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	h.Set("Content-Type", actor.TypeOf(file))
	h.Set("Content-Length", strconv.Itoa(len(document)))
	patientWrite(w, int64(len(document)))
	if actor.IsTombstone(document) {
		w.WriteHeader(http.StatusGone)
	}
	_, _ = w.Write(document) // a caller that went away will ask again
	return nil
}

// takeLetter keeps a letter to an account that is here, if it says something to which
// accounts listen. Of anything else it says that it came, and keeps nothing.
func (n *Node) takeLetter(w http.ResponseWriter, r *http.Request) error {
	if _, err := n.db.ActorFile(r.Context(), "ap/"+r.PathValue("name")); err != nil {
		return err
	}
	if _, err := actor.TakeHead(r, n.cfg.Now()); err != nil {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(refusedTime)) // for what is on its way; a recorder in a test has none
		return err
	}
	body, err := n.readWithin(w, r, actor.MaxLetter, letterTime)
	if err != nil {
		return err
	}
	letter, said, err := actor.Take(r, body, n.cfg.Now())
	if err != nil {
		return err
	}
	if said.Kind == actor.Follow || said.Kind == actor.Undo || said.Kind == actor.Delete {
		budget, left := n.accounts.budget, said.Kind == actor.Delete
		if left {
			budget = n.accounts.left
		}
		if !budget.AllowN(n.cfg.Now(), 1) {
			return fault.Later("actor.full")
		}
		if err := n.roomFor(actor.MaxLetter); err != nil {
			return err
		}
		sealed, err := n.sealLetter(letter)
		if err != nil {
			return err
		}
		l := nodedb.ActorLetter{Mark: n.accounts.mark(letter.To(), said), Left: left, Sealed: sealed, Day: n.day()}
		if err := n.db.KeepActorLetter(r.Context(), l, nodedb.ActorBounds{All: actorLetters, Left: actorLeft, Same: actorSame}); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// sealLetter seals a letter to the people of the collective: it names somebody who
// follows them, and lies here until the desk is opened.
func (n *Node) sealLetter(l actor.Letter) ([]byte, error) {
	plain, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	c, _ := n.Charter()
	var b bytes.Buffer
	w, err := seal.Writer(&b, c.Recipients())
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// actorState tells the desk which files are here.
func (n *Node) actorState(w http.ResponseWriter, r *http.Request, _ []byte) error {
	files, err := n.db.ActorFiles(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, nodeapi.ActorState{Files: files})
}

func (n *Node) putActorFile(w http.ResponseWriter, r *http.Request, body []byte) error {
	path := r.PathValue("path")
	if err := actor.CheckFile(path); err != nil {
		return err
	}
	if !json.Valid(body) {
		return fault.Invalid("node.not_json")
	}
	if err := n.roomFor(int64(len(body))); err != nil {
		return err
	}
	if err := n.db.PutActorFile(r.Context(), path, body, actorFiles); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (n *Node) dropActorFile(w http.ResponseWriter, r *http.Request, _ []byte) error {
	path := r.PathValue("path")
	if err := actor.CheckFile(path); err != nil {
		return err
	}
	if err := n.db.DropActorFile(r.Context(), path); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (n *Node) actorLetters(w http.ResponseWriter, r *http.Request, _ []byte) error {
	after, err := strconv.ParseInt(r.PathValue("after"), 10, 64)
	if err != nil || after < 0 {
		return fault.Invalid("node.bad_name")
	}
	all, err := n.db.ActorLetters(r.Context(), after, nodeapi.ActorPage)
	if err != nil {
		return err
	}
	list := nodeapi.ActorLetters{Letters: make([]nodeapi.ActorLetter, len(all))}
	for i, l := range all {
		list.Letters[i] = nodeapi.ActorLetter{Number: l.Number, Day: l.Day, Sealed: l.Sealed}
	}
	return writeJSON(w, http.StatusOK, list)
}

func (n *Node) forgetActorLetters(w http.ResponseWriter, r *http.Request, body []byte) error {
	var said nodeapi.ActorForgotten
	if err := readJSON(body, &said); err != nil {
		return err
	}
	if err := n.db.ForgetActorLetters(r.Context(), said.Numbers); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
