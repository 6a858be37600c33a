package node

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"time"

	"kua/internal/courier"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// Exchanged is what came of a courier's visit.
type Exchanged struct {
	courier.Delivered
	Calls   int // of the desk, done now
	Waiting int // of the desk, that could not be done; see Aside
	Parcels int // given along for the desk
}

// carriedCall marks, in a call's context, that a courier brought it, and how.
type carriedCall struct{}

// The ways of a courier.
const (
	byHand = "by hand"
	byNet  = "by net"
)

// Exchange gives a courier's folder what it is to carry and takes what it brought,
// by the same calls that come by net: parcels are taken as from any witness, and
// what the desk says is done in its order if the desk signed it, for
// nodeapi.CarriedDays. Everything the node signs for goes into the folder. It may
// be cut off and called again, and while this process serves the node.
func (n *Node) Exchange(ctx context.Context, f *courier.Folder, progress func(step string, done, total int64)) (Exchanged, error) {
	in := newInside(n.Handler())
	defer in.close()
	client := nodeapi.NewClient("http://node.invalid", nodeapi.WithHTTP(&http.Client{Transport: in.plain}), nodeapi.WithNodeKey(n.Key()), nodeapi.WithTries(2, time.Second), nodeapi.WithWholePieces())
	x := Exchanged{}
	if err := n.shareCharter(f); err != nil { // it is another collective's, and nothing goes into it
		return x, err
	}
	var err error
	if x.Delivered, err = f.Deliver(ctx, client, n.Key(), false, step(progress, "parcels")); err != nil {
		return x, err
	}
	if err := n.doCarried(ctx, f, in, &x); err != nil {
		return x, err
	}
	if err := n.giveParcels(ctx, f, &x, step(progress, "desk")); err != nil {
		return x, err
	}
	if err := n.furnishAll(ctx); err != nil {
		return x, err
	}
	if err := f.FetchMail(ctx, client, n.Key(), step(progress, "mail")); err != nil {
		return x, err
	}
	if err := n.shareCharter(f); err != nil {
		return x, err
	}
	return x, n.giveState(ctx, f)
}

// shareCharter leaves folder and node with the newer of their charters: whom one version
// names as desk can come here before the desk that would bring that version.
func (n *Node) shareCharter(f *courier.Folder) error {
	_, chain := n.Charter()
	if err := f.PutChain(chain); err != nil {
		return err
	}
	chain, err := f.Chain()
	if err != nil {
		return err
	}
	n.intake.Lock()
	defer n.intake.Unlock()
	return n.extendCharter(chain)
}

func step(progress func(string, int64, int64), name string) func(done, total int64) {
	return func(done, total int64) {
		if progress != nil {
			progress(name, done, total)
		}
	}
}

// doCarried does what the desk says.
func (n *Node) doCarried(ctx context.Context, f *courier.Folder, in *inside, x *Exchanged) error {
	calls, err := f.Calls(n.Key())
	if err != nil {
		return err
	}
	for _, c := range calls {
		err := n.doCall(ctx, f, in, c)
		switch {
		case err == nil:
			x.Calls++
			done, err := n.didCall(c.ID())
			if err != nil {
				return err
			}
			if err := f.Finish(n.Key(), c, done); err != nil {
				return err
			}
		case ctx.Err() != nil:
			return ctx.Err()
		case courier.Overtaken(err) || n.longAgo(c, err):
			if err := f.Discard(c); err != nil {
				return err
			}
			x.Aside = append(x.Aside, courier.Aside{Name: c.Path, Err: err})
		default:
			if err := f.Spoilt(c, err); err != nil {
				return err
			}
			x.Waiting++
			x.Aside = append(x.Aside, courier.Aside{Name: c.Path, Err: err})
		}
	}
	return nil
}

// longAgo reports whether a call that was refused for its time will never be done: the
// edition that is served was made so much later. The node's own clock may be wrong.
func (n *Node) longAgo(c courier.Call, err error) bool {
	ft, ok := fault.Of(err)
	p := n.edition.Load()
	if !ok || ft.Key != "nodeapi.desk_clock" || p == nil {
		return false
	}
	made, err := time.Parse(time.RFC3339, p.manifest.Made)
	return err == nil && made.Sub(nodeapi.SignedAt(c.Authorization)) > nodeapi.CarriedDays*24*time.Hour
}

// didCall signs that a carried call was done.
func (n *Node) didCall(id string) (nodeapi.Envelope, error) {
	return nodeapi.Enclose(nodeapi.Done{Call: id, Day: n.day(), Kind: nodeapi.KindDone, Node: n.Key()}, n.key)
}

func (n *Node) doCall(ctx context.Context, f *courier.Folder, in *inside, c courier.Call) error {
	body, size, err := f.Body(c)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Missing("courier.no_body")
	}
	if err != nil {
		return err
	}
	defer body.Close()
	r, err := http.NewRequestWithContext(ctx, c.Method, "http://node.invalid"+c.Path, body)
	if err != nil {
		return fault.Corrupt("courier.strange", c.Path).Because(err)
	}
	r.ContentLength = size
	if size == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("Authorization", c.Authorization)
	resp, err := in.carried.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode/100 == 2 {
		return err
	}
	return nodeapi.Refused(text, resp.StatusCode)
}

// giveParcels puts along what waits for the desk.
func (n *Node) giveParcels(ctx context.Context, f *courier.Folder, x *Exchanged, progress func(done, total int64)) error {
	all, err := n.db.Parcels(ctx)
	if err != nil {
		return err
	}
	for i, p := range all {
		text, err := n.db.Index(ctx, p.ID)
		if err != nil {
			return err
		}
		err = f.PutParcel(ctx, text, n.pieceFor)
		if ft, ok := fault.Of(err); ok && ft.Key == "node.piece_damaged" { // the others are of use all the same
			x.Aside = append(x.Aside, courier.Aside{Name: p.ID, Err: err})
			continue
		}
		if err != nil {
			return err
		}
		x.Parcels++
		progress(int64(i+1), int64(len(all)))
	}
	return nil
}

// signedState says what the node serves, and whether it gave along all parcels.
func (n *Node) signedState(given bool) (nodeapi.Envelope, error) {
	return nodeapi.Enclose(nodeapi.State{Day: n.day(), Edition: n.state(), Given: given, Kind: nodeapi.KindState, Node: n.Key()}, n.key)
}

// giveState puts the node's word along, and which files it holds.
func (n *Node) giveState(ctx context.Context, f *courier.Folder) error {
	state, err := n.signedState(true)
	if err != nil {
		return err
	}
	var held []string
	if err := n.files.Walk(ctx, func(hash string, _ int64) error {
		held = append(held, hash)
		return nil
	}); err != nil {
		return err
	}
	slices.Sort(held)
	return f.PutState(n.Key(), state, held)
}

// inside is the node's own interface without a network: nobody else can call there.
type inside struct {
	plain, carried *http.Transport
	servers        []*http.Server
}

func newInside(h http.Handler) *inside {
	in := &inside{}
	in.plain = in.serve(h)
	in.carried = in.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), carriedCall{}, byHand)))
	}))
	return in
}

func (in *inside) serve(h http.Handler) *http.Transport {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	in.servers = append(in.servers, s)
	go func() { _ = s.Serve(l) }() // ends with close
	return &http.Transport{DialContext: l.dial}
}

func (in *inside) close() {
	in.plain.CloseIdleConnections()
	in.carried.CloseIdleConnections()
	for _, s := range in.servers {
		_ = s.Close() // nothing is written any more
	}
}

// pipes is a listener within the process.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "inside", Net: "unix"} }
