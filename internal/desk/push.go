package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/tlog"
)

// senders is how many files go to one node at a time, and asked how many hashes
// one question names.
const (
	senders = 4
	asked   = 2000
)

// push brings the newest charter and the newest edition to every node that does
// not hold them. What it learns of each node is kept; a node's failure is no
// failure of the push.
func (d *Desk) push(ctx context.Context, progress func(step string, done, total int64)) error {
	d.pushing.Lock()
	defer d.pushing.Unlock()
	now, err := d.edition()
	if err != nil {
		return err
	}
	var telling sync.Mutex
	tell := func(url string, done, total int64) {
		telling.Lock()
		defer telling.Unlock()
		progress(url, done, total)
	}
	var all errgroup.Group
	for _, n := range d.nodes() {
		all.Go(func() error {
			c, err := d.client(n)
			if err == nil {
				err = d.pushTo(ctx, c, now, func(done, total int64) { tell(n.URL, done, total) })
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				d.cfg.Diary.Warn("edition not brought", "node", n.URL, "edition", now.number, "cause", faultKey(err))
			}
			return d.db.NodeHolds(ctx, n.URL, now.number, now.hash, err)
		})
	}
	return all.Wait()
}

// pushTo brings the edition to one node: the charter, what it lacks of the
// files, the log, and then the word to switch. Every call is idempotent, so an
// interrupted push is simply made again.
func (d *Desk) pushTo(ctx context.Context, n *nodeClient, now current, tell func(done, total int64)) error {
	held, err := n.Edition(ctx)
	if err != nil {
		return err
	}
	if held.Charter < d.Charter().Version { // a node that was struck off is told of at once, edition or not
		if err := n.PutCharter(ctx, d.Chain()); err != nil {
			return fmt.Errorf("bring the charter: %w", err)
		}
	}
	if now.number == 0 {
		return nil
	}
	cp, err := d.checkpoint()
	if err != nil {
		return err
	}
	if held.Manifest == now.hash && held.Checkpoint == string(cp.Raw) {
		return nil
	}
	if theirs, err := d.commonLog(held); err == nil && theirs > cp.Size { // signed by this desk's key: it was further once
		if err := d.haltCopied(ctx); err != nil {
			return err
		}
	}
	lacks, err := d.lacks(ctx, n, now, held)
	if err != nil {
		return err
	}
	if err := d.pushFiles(ctx, n, lacks, tell); err != nil {
		return err
	}
	d.crash("push: files brought")
	if err := d.pushLog(ctx, n, held, cp); err != nil {
		return err
	}
	d.crash("push: log brought")
	err = d.switchTo(ctx, n, now, cp)
	if spoilt(err) {
		d.cfg.Diary.Warn("a node's log went bad, and is brought whole", "node", n.url, "cause", faultKey(err))
		if err = d.pushLogPaths(ctx, n, tlog.NewPaths(0, cp.Size)); err == nil {
			err = d.switchTo(ctx, n, now, cp)
		}
	}
	return err
}

// spoilt reports whether a node could not switch since files of its own log are not
// what they were.
func spoilt(err error) bool {
	f, ok := fault.Of(err)
	return ok && (f.Key == "tlog.tile" || f.Key == "tlog.bundle" || f.Key == "tlog.missing" || f.Key == "tlog.tiles_do_not_fit")
}

// lacks gives the files of the edition that the node does not have. Of the
// parts that it is known to have nothing is asked.
func (d *Desk) lacks(ctx context.Context, n *nodeClient, now current, held nodeapi.EditionState) ([]edition.File, error) {
	before, err := d.heldManifest(ctx, held)
	if err != nil {
		return nil, err
	}
	read := edition.FilesIn(os.DirFS(d.Tree()))
	bySum := make(map[string]edition.File)
	for _, p := range now.manifest.Parts {
		if old, ok := before.Part(p.Name); ok && old == p {
			continue
		}
		files, err := read(p)
		if err != nil {
			return nil, err
		}
		bySum[p.SHA256] = edition.File{Path: p.Path(), Size: p.Size, SHA256: p.SHA256}
		for _, f := range files {
			bySum[f.SHA256] = f
		}
	}
	sums := make([]string, 0, len(bySum))
	for sum := range bySum {
		sums = append(sums, sum)
	}
	slices.Sort(sums)
	var all []edition.File
	for some := range slices.Chunk(sums, asked) {
		missing, err := n.Missing(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("ask what is missing: %w", err)
		}
		for _, sum := range missing {
			if f, ok := bySum[sum]; ok {
				all = append(all, f)
			}
		}
	}
	return all, nil
}

// heldManifest gives the manifest that a node serves, when this desk made it.
func (d *Desk) heldManifest(ctx context.Context, held nodeapi.EditionState) (edition.Manifest, error) {
	if held.Number == 0 {
		return edition.Manifest{}, nil
	}
	doc, err := d.db.ManifestOf(ctx, held.Number, held.Manifest)
	if err != nil || doc == nil {
		return edition.Manifest{}, err
	}
	return edition.ParseManifest(doc)
}

// pushFiles brings files. A record's signatures go before the record: a node
// that has the document has its signatures.
func (d *Desk) pushFiles(ctx context.Context, n *nodeClient, files []edition.File, tell func(done, total int64)) error {
	var total int64
	var done atomic.Int64
	for _, f := range files {
		total += f.Size
	}
	tell(0, total)
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(senders)
	for _, f := range files {
		all.Go(func() error {
			if err := d.pushSignatures(ctx, n, f.Path); err != nil {
				return err
			}
			name := filepath.Join(d.Tree(), filepath.FromSlash(f.Path))
			err := n.PutFile(ctx, f.SHA256, f.Size, func() (io.ReadCloser, error) { return os.Open(name) })
			if err != nil {
				return fmt.Errorf("bring %s: %w", f.Path, err)
			}
			tell(done.Add(f.Size), total)
			return nil
		})
	}
	return all.Wait()
}

func (d *Desk) pushSignatures(ctx context.Context, n *nodeClient, document string) error {
	if !strings.HasPrefix(document, "records/") {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(d.Tree(), filepath.FromSlash(document)) + ".*.sig")
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		path := document + strings.TrimPrefix(name, filepath.Join(d.Tree(), filepath.FromSlash(document)))
		if err := n.PutSignature(ctx, path, b); err != nil {
			return fmt.Errorf("bring %s: %w", path, err)
		}
	}
	return nil
}

// pushLog brings the log's files that are new since the checkpoint the node has.
func (d *Desk) pushLog(ctx context.Context, n *nodeClient, held nodeapi.EditionState, cp tlog.Checkpoint) error {
	from, err := d.commonLog(held)
	if err != nil {
		return err
	}
	return d.pushLogPaths(ctx, n, tlog.NewPaths(from, cp.Size))
}

// pushLogPaths brings files of the log, the highest tiles first: what joins a file to
// the root is there, and right, before it.
func (d *Desk) pushLogPaths(ctx context.Context, n *nodeClient, paths []string) error {
	for _, path := range slices.Backward(paths) {
		if path == tlog.CheckpointPath {
			continue // it comes with the switch
		}
		b, err := os.ReadFile(filepath.Join(d.logDir(), filepath.FromSlash(path)))
		if err != nil {
			return err
		}
		if err := n.PutLog(ctx, path, b); err != nil {
			return fmt.Errorf("bring log/%s: %w", path, err)
		}
	}
	return nil
}

func (d *Desk) switchTo(ctx context.Context, n *nodeClient, now current, cp tlog.Checkpoint) error {
	index, err1 := d.number(ctx, settingEdition)
	sigs, err2 := d.readSignatures(edition.ManifestPath)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	err := n.Switch(ctx, nodeapi.SwitchRequest{
		Manifest: string(now.document), Signatures: sigs, Chain: d.Chain(), Checkpoint: string(cp.Raw), LogIndex: index,
	})
	if err != nil {
		return fmt.Errorf("switch to edition %d: %w", now.number, err)
	}
	return nil
}

// readSignatures reads the signatures that lie beside a document of the tree.
func (d *Desk) readSignatures(document string) (charter.Signatures, error) {
	names, err := filepath.Glob(filepath.Join(d.Tree(), filepath.FromSlash(document)) + ".*.sig")
	sigs := make(charter.Signatures)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sigs[keyOfSignature(name)] = b
	}
	return sigs, err
}

// keyOfSignature gives the key's id out of the name of a signature file.
func keyOfSignature(name string) string {
	name = strings.TrimSuffix(filepath.Base(name), ".sig")
	return name[strings.LastIndexByte(name, '.')+1:]
}
