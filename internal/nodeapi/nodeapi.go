// Package nodeapi is the contract between a node and those who call it: paths,
// documents, errors, the desk's authorisation, and a client that keeps them.
//
// It stores nothing and opens nothing. The node answers with these types; the
// witness's and the desk's rooms call through Client. The wire is described in
// spec/node-api.md.
package nodeapi

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
)

// Base is where every path of the API begins.
const Base = "/api/v1"

// Info is what a node says of itself.
type Info struct {
	Kind        string `json:"kind"` // KindNode
	Key         string `json:"key"`  // base64 of the raw Ed25519 public key
	Charter     string `json:"charter"`
	PieceBytes  int64  `json:"piece_bytes"`
	ParcelBytes int64  `json:"parcel_bytes"`
	Accepting   bool   `json:"accepting"`
	RetryAfter  int    `json:"retry_after,omitempty"` // seconds, when it is not accepting
}

// The "kind" members of the node's documents.
const (
	KindNode            = "kua node"
	KindHave            = "kua have"
	KindAcknowledgement = "kua acknowledgement"
	KindDeskRequest     = "kua desk request"
)

// ChainAnswer is the charter's whole chain on the wire.
type ChainAnswer struct {
	Chain charter.Chain `json:"chain"`
}

// Have lists the pieces of one upload that the node durably holds, and how many
// bytes of those that have not come whole.
type Have struct {
	Kind   string           `json:"kind"` // KindHave
	Node   string           `json:"node"`
	Parts  map[string]int64 `json:"parts,omitempty"`
	Pieces []string         `json:"pieces"`
	Upload string           `json:"upload"`

	LetGo bool `json:"-"` // the node had to let go of what it held of it (LetGoHeader); not signed
	Row   int  `json:"-"` // pieces that the node takes in one call (RowHeader), RowPieces at most; not signed
}

// LetGoHeader is ?1 in the answer about an upload that gave way to others.
const LetGoHeader = "Kua-Let-Go"

// RowHeader says in the answer about an upload how many pieces may come in one call; of
// such a call it names them, with spaces between.
const RowHeader = "Kua-Row"

// RowPieces is how many pieces a node takes in one call.
const RowPieces = 16

// How bytes are added to a piece that came in part: the header fields of
// draft-ietf-httpbis-resumable-upload.
const (
	OffsetHeader   = "Upload-Offset"   // bytes that are durably held; of a PATCH: where it begins
	CompleteHeader = "Upload-Complete" // ?1 when the piece is whole; of a PATCH: when it brings the end
	PartType       = "application/partial-upload"

	// SmallBytes is the longest PATCH after which a node ends the connection: who
	// brings so little at a time has a link that lets little of one pass.
	SmallBytes = 8 << 10

	// LeastPart is the shortest PATCH that a node takes, but for one that ends the
	// piece: each costs the node a flush.
	LeastPart = 1 << 10
)

// Acknowledgement says that the node durably holds a whole parcel.
type Acknowledgement struct {
	Day    string `json:"day"`  // of the commit, never a time
	Kind   string `json:"kind"` // KindAcknowledgement
	Node   string `json:"node"`
	Parcel string `json:"parcel"`
	Pieces int    `json:"pieces"`
	Size   int64  `json:"size"`
}

// Envelope is a canonical document with the node's signature over its exact bytes.
type Envelope struct {
	Document  string `json:"document"`
	Signature string `json:"signature"` // base64 of 64 bytes
}

// Enclose signs the canonical form of doc.
func Enclose(doc any, key ed25519.PrivateKey) (Envelope, error) {
	b, err := canon.Marshal(doc)
	if err != nil {
		return Envelope{}, err
	}
	return Envelope{Document: string(b), Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(key, b))}, nil
}

// Open checks the signature by the node key (base64) and reads the document
// into doc. A wrong signature is the fault nodeapi.bad_signature.
func (e Envelope) Open(key string, doc any) error {
	sig, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil || !charter.SignedBy(key, []byte(e.Document), sig) {
		return fault.Corrupt("nodeapi.bad_signature")
	}
	return canon.Unmarshal([]byte(e.Document), doc)
}

// Missing is the answer to a commit whose pieces are not all there, and to a
// desk that asks which files a node lacks.
type Missing struct {
	Missing []string `json:"missing"`
}

// ParcelInfo is one line of the list of parcels a node holds for the desk.
type ParcelInfo struct {
	ID     string `json:"id"`
	Size   int64  `json:"size"`
	Pieces int    `json:"pieces"`
}

// ParcelList answers the desk's question what there is to collect.
type ParcelList struct {
	Parcels []ParcelInfo `json:"parcels"`
}

// The shape of mailboxes.
const (
	MailboxSlots = 8    // on every page, real or not
	SlotBytes    = 8192 // of every slot: seal.ReplyBytes
	PagesHeader  = "Kua-Pages"
	MaxPages     = 1024 // of one prefix
)

// ReplyPost brings a sealed reply into a mailbox: the node is told the first
// two hex characters of its name and no more.
type ReplyPost struct {
	Prefix string `json:"prefix"`
	Sealed []byte `json:"sealed"` // SlotBytes
}

// EditionState says which edition a node serves; Number is 0 for none.
type EditionState struct {
	Number     int    `json:"number"`
	Manifest   string `json:"manifest,omitempty"`   // SHA-256
	Checkpoint string `json:"checkpoint,omitempty"` // the note, as it is
	Charter    int    `json:"charter"`              // version of its newest charter
}

// SwitchRequest asks a node to serve another edition. Every file it lists and
// every new log file must have been brought before.
type SwitchRequest struct {
	Manifest   string             `json:"manifest"`
	Signatures charter.Signatures `json:"signatures"`
	Chain      charter.Chain      `json:"chain"`
	Checkpoint string             `json:"checkpoint"`
	LogIndex   uint64             `json:"log_index"` // of this manifest's entry
}

// Failure is the body of every refusal.
type Failure struct {
	Error FailureText `json:"error"`
}

// FailureText is a fault on the wire: Kind and Key for programs, Message and
// Hint in English for people.
type FailureText struct {
	Kind    string `json:"kind"`
	Key     string `json:"key"`
	Args    []any  `json:"args,omitempty"`
	Message string `json:"message,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

var kinds = map[fault.Kind]string{
	fault.KindInternal: "internal", fault.KindInvalid: "invalid", fault.KindNotFound: "not_found", fault.KindConflict: "conflict",
	fault.KindForbidden: "forbidden", fault.KindTooLarge: "too_large", fault.KindLater: "later", fault.KindCorrupt: "corrupt", fault.KindMissing: "missing",
}

// Tell puts a fault on the wire. An error that is none is told as internal,
// without its text.
func Tell(err error) FailureText {
	f, ok := fault.Of(err)
	if !ok {
		return FailureText{Kind: "internal", Key: "page.internal"}
	}
	return FailureText{Kind: kinds[f.Kind], Key: f.Key, Args: f.Args}
}

// Fault makes the fault again that Tell put on the wire. A node is a stranger:
// of its arguments only a few, short, printable ones are taken.
func (t FailureText) Fault() *fault.Fault {
	for kind, name := range kinds {
		if name == t.Kind {
			return fault.New(kind, t.Key, plain(t.Args)...)
		}
	}
	return fault.New(fault.KindInternal, t.Key, plain(t.Args)...)
}

// families are the faults that a node makes or hands on. Another key is not a
// node's to say: the sentence would be about something else.
var (
	families = []string{"node.", "nodeapi.", "parcel.", "charter.", "edition.", "record.", "tlog.", "canon.", "blob.", "page.", "lane.", "appeal.", "authority.", "courier.", "actor."}
	faultKey = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,79}$`)
)

func tellable(key string) bool {
	return faultKey.MatchString(key) && slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(key, f) })
}

const (
	mostArgs = 8
	longArg  = 300 // bytes
)

func plain(args []any) []any {
	var out []any
	for _, a := range args[:min(len(args), mostArgs)] {
		switch v := a.(type) {
		case json.Number:
			if n, err := v.Int64(); err == nil {
				out = append(out, n)
				continue
			}
			out = append(out, v.String()[:min(len(v), longArg)])
		case string:
			out = append(out, printable(v))
		default:
			out = append(out, "")
		}
	}
	return out
}

// printable takes away what could move a terminal's cursor or turn the reading
// direction round.
func printable(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), longArg)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && !(r >= 0x202a && r <= 0x202e) && !(r >= 0x2066 && r <= 0x2069) {
			return r
		}
		return -1
	}, s)
}
