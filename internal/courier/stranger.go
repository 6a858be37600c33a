package courier

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"kua/internal/canon"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// Counter is where strangers hand parcels in and ask for their mailboxes: the calls
// of a witness, and no other. It bounds what all of them together can bring. It is
// safe for use by several goroutines.
type Counter struct {
	carrier

	mu    sync.Mutex
	left  int64 // bytes that may still come
	files int   // that came
	taken int   // parcels

	trouble    func(error) // one at a time
	complained time.Time

	calls  *Places
	checks chan struct{} // places

	indexes *Places
	longest int64 // bytes of an index
}

// At the same time there are so many calls, and so many parcels that are held to
// their hashes: what a phone can cost a small laptop.
const (
	mostCalls  = 32
	callsEach  = 8 // of one address
	mostChecks = 2

	mostIndexes = 8 // are in memory
	indexesEach = 2
	alwaysIndex = 64 + 4096*65 // bytes: of a gigabyte, which may be here from before
	mostFiles   = 100_000      // pieces and indexes, far below mostNames
	block       = 4096         // bytes: the least that a file takes of a disk
	spareBytes  = 64 << 20     // of the disk that strangers do not get
)

// Counter opens the folder for strangers, who may bring so many bytes. What they are
// told is signed with key, which no charter names: that the folder holds a parcel is
// not that a node does. Of a disk that fails trouble is told, and strangers are not.
func (f *Folder) Counter(key ed25519.PrivateKey, bytes int64, trouble func(error)) *Counter {
	return &Counter{
		carrier: carrier{f: f, key: key}, left: bytes, trouble: trouble, calls: NewPlaces(mostCalls, callsEach), checks: make(chan struct{}, mostChecks),
		indexes: NewPlaces(mostIndexes, indexesEach), longest: min(parcel.MaxIndex, max(alwaysIndex, 64+(bytes/parcel.PieceBytes+1)*65)),
	}
}

// Taken says how many parcels came whole since the counter was opened.
func (c *Counter) Taken() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken
}

// Handler answers below nodeapi.Base. What is in the folder it tells nobody who does
// not know it: of pieces it says only, by their hash, whether they are here.
func (c *Counter) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(w http.ResponseWriter, r *http.Request) error) {
		method, p, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+nodeapi.Base+p, func(w http.ResponseWriter, r *http.Request) {
			if err := c.answer(w, r, do); err != nil {
				c.refuse(w, err)
			}
		})
	}
	handle("GET /node", c.node)
	handle("GET /charter", c.charter)
	handle("GET /uploads/{upload}", c.nothing)
	handle("HEAD /uploads/{upload}/pieces/{hash}", c.offset)
	handle("PUT /uploads/{upload}/pieces/{hash}", c.bring)
	handle("PUT /uploads/{upload}/whole/{hash}", c.bringWhole)
	handle("POST /uploads/{upload}/commit", c.sign)
	handle("GET /mailboxes/{prefix}", c.mailbox)
	mux.HandleFunc(nodeapi.Base+"/", func(w http.ResponseWriter, _ *http.Request) { c.refuse(w, fault.NotFound("courier.not_by_hand")) })
	return mux
}

func (c *Counter) answer(w http.ResponseWriter, r *http.Request, do func(w http.ResponseWriter, r *http.Request) error) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	leave, err := c.calls.Take(r.RemoteAddr)
	if err != nil {
		return err
	}
	defer leave()
	return do(w, r)
}

// Seconds after which a phone may ask again.
const (
	soonBusy = "2"
	soonFull = "60" // until the courier has seen to it
)

// told is what a stranger is told of an error: of the courier's own disk nothing but
// that there is trouble, which passes when the stick is in again. What it is the
// courier is told.
func (c *Counter) told(err error) error {
	if f, ok := fault.Of(err); ok && f.Key != "courier.too_many" && !errors.Is(err, fs.ErrNotExist) {
		return f
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.complained) >= quiet {
		c.complained = now
		c.trouble(err)
	}
	return fault.Later("courier.disk_trouble")
}

// quiet is how long the courier is not told again of trouble.
const quiet = 10 * time.Second

// refuse tells a stranger what a fault is, and when to come again.
func (c *Counter) refuse(w http.ResponseWriter, err error) {
	f, _ := fault.Of(c.told(err))
	if f.Kind == fault.KindLater {
		w.Header().Set("Retry-After", map[bool]string{true: soonFull, false: soonBusy}[f.Key == "courier.full"])
	}
	answer(w, fault.Status(f), nodeapi.Failure{Error: nodeapi.Tell(f)})
}

// nothing tells of no piece: who has a parcel asks for each of its pieces.
func (c *Counter) nothing(w http.ResponseWriter, r *http.Request) error {
	return c.signed(w, http.StatusOK, nodeapi.Have{Kind: nodeapi.KindHave, Node: c.public(), Pieces: []string{}, Upload: r.PathValue("upload")})
}

func (c *Counter) offset(w http.ResponseWriter, r *http.Request) error {
	b, err := c.f.piece(r.PathValue("hash"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w.Header().Set(nodeapi.OffsetHeader, strconv.Itoa(len(b)))
	w.Header().Set(nodeapi.CompleteHeader, map[bool]string{true: "?1", false: "?0"}[err == nil])
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *Counter) bring(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.take(r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// bringWhole takes a parcel that is one piece.
func (c *Counter) bringWhole(w http.ResponseWriter, r *http.Request) error {
	size, err := c.take(r)
	if err != nil {
		return err
	}
	return c.put(w, parcel.Index{Size: size, Pieces: []string{r.PathValue("hash")}})
}

func (c *Counter) take(r *http.Request) (size int64, err error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, parcel.PieceBytes+1))
	if err != nil {
		return 0, fault.Later("courier.cut_off").Because(err)
	}
	hash := r.PathValue("hash")
	if len(b) == 0 || len(b) > parcel.PieceBytes || canon.Hash(b) != hash {
		return 0, fault.Invalid("blob.wrong_hash", fmt.Sprintf("%.64q", hash))
	}
	return int64(len(b)), c.keep(hash, b)
}

// keep writes a piece, unless it is here, and counts it.
func (c *Counter) keep(hash string, b []byte) error {
	if _, err := c.f.piece(hash); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.admit(int64(len(b))); err != nil {
		return err
	}
	if err := c.f.write(pieceName(hash), b); err != nil {
		c.giveBack(int64(len(b)))
		return err
	}
	return nil
}

// cost is what a file of so many bytes takes of a disk at the least.
func cost(bytes int64) int64 { return (bytes + block - 1) / block * block }

// admit counts in a file of n bytes.
func (c *Counter) admit(n int64) error {
	n = cost(n)
	disk, err := durable.FreeDisk(c.f.dir)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left < n || c.files >= mostFiles || disk.Free < uint64(n)+spareBytes {
		return fault.Later("courier.full")
	}
	c.left -= n
	c.files++
	return nil
}

func (c *Counter) giveBack(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left += cost(n)
	c.files--
}

func (c *Counter) sign(w http.ResponseWriter, r *http.Request) error {
	leave, err := c.indexes.Take(r.RemoteAddr)
	if err != nil {
		return err
	}
	defer leave()
	text, err := io.ReadAll(io.LimitReader(r.Body, c.longest+1))
	if err != nil {
		return fault.Later("courier.cut_off").Because(err)
	}
	if int64(len(text)) > c.longest {
		return fault.Later("courier.full")
	}
	c.checks <- struct{}{}
	defer func() { <-c.checks }()
	x, err := parcel.ReadIndex(text)
	if err != nil {
		return err
	}
	return c.check(w, x)
}

// put holds a parcel to its hashes, few at a time.
func (c *Counter) put(w http.ResponseWriter, x parcel.Index) error {
	c.checks <- struct{}{}
	defer func() { <-c.checks }()
	return c.check(w, x)
}

// check holds a parcel to its hashes and counts it once.
func (c *Counter) check(w http.ResponseWriter, x parcel.Index) error {
	if c.f.has(path.Join(parcelsDir, x.ID()), -1) {
		_, err := c.complete(w, x)
		return err
	}
	size := int64(len(x.Text())) + block // its name takes room too
	if err := c.admit(size); err != nil {
		return err
	}
	complete, err := c.complete(w, x)
	if err != nil || !complete {
		c.giveBack(size)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken++
	return nil
}

// ageHead begins every sealed file (age-encryption.org/v1).
const ageHead = "age-encryption.org/v1\n"

// Hand takes a sealed file from beginning to end. One that is not sealed is the fault
// courier.not_sealed, and no byte of it is written. Of one that breaks off the whole
// pieces stay, and count: the same file may have come another way meanwhile and be
// told whole because of them, and who sends it again need not bring them again.
func (c *Counter) Hand(in io.Reader) (id string, err error) {
	head := make([]byte, len(ageHead))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != ageHead {
		return "", fault.Invalid("courier.not_sealed").Because(err)
	}
	if id, err = c.pour(io.MultiReader(strings.NewReader(ageHead), in)); err != nil {
		return "", c.told(err)
	}
	return id, nil
}

// pour takes a parcel as it is sealed.
func (c *Counter) pour(sealed io.Reader) (id string, err error) {
	x, err := parcel.Split(toTheEnd{sealed}, func(_ int, hash string, piece []byte) error { return c.keep(hash, piece) })
	if err != nil {
		return "", err
	}
	if _, err = parcel.ReadIndex(x.Text()); err != nil { // a file that repeats itself is no sealed one
		return "", err
	}
	told := &recorder{header: make(http.Header)}
	if err = c.put(told, x); err != nil {
		return "", err
	}
	if told.status != http.StatusCreated {
		return "", fault.Corrupt("courier.strange", piecesDir) // a stick that keeps other bytes than it is given
	}
	return x.ID(), nil
}

// toTheEnd lets a file end with io.EOF alone: a form that breaks off ends in
// io.ErrUnexpectedEOF, as a last piece does for parcel.Split.
type toTheEnd struct{ in io.Reader }

// Read implements io.Reader.
func (t toTheEnd) Read(b []byte) (int, error) {
	n, err := t.in.Read(b)
	if err != nil && err != io.EOF {
		if _, known := fault.Of(err); !known {
			err = fault.Later("courier.cut_off")
		}
	}
	return n, err
}
