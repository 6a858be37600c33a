package node

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kua/internal/edition"
)

// staged is how long a file that no edition names may wait for the edition that
// will name it.
const staged = 48 * time.Hour

// sweepEdition drops the files and record signatures that neither this edition
// nor the last one has, and that have not just been brought for the next. The
// last one stays, for readers in the middle of it and for a mirror's sake.
// Once a day, and after every switch, is enough.
func (n *Node) sweepEdition(ctx context.Context) error {
	n.intake.Lock()
	defer n.intake.Unlock()
	p := n.edition.Load()
	if p == nil || n.swept == p.current.Manifest+n.day() {
		return nil
	}
	keep, records, err := n.named(ctx, p)
	if err != nil {
		return fmt.Errorf("find the files of no edition: %w", err)
	}
	before := time.Now().Add(-staged)
	err = n.files.Walk(ctx, func(hash string, _ int64) error {
		if keep[hash] {
			return nil
		}
		info, err := os.Stat(n.editionDir("files", hash[:2], hash))
		if err != nil || info.ModTime().After(before) {
			return err
		}
		return n.files.Delete(ctx, hash)
	})
	if err != nil {
		return fmt.Errorf("drop files of no edition: %w", err)
	}
	if err := n.sweepSignatures(records, before); err != nil {
		return err
	}
	n.swept = p.current.Manifest + n.day()
	return nil
}

// named gives the hashes and the record documents of this edition and the last.
func (n *Node) named(ctx context.Context, p *published) (hashes, records map[string]bool, err error) {
	hashes, records = make(map[string]bool), make(map[string]bool)
	manifests := []edition.Manifest{p.manifest}
	hashes[p.current.Manifest] = true
	if p.Before != "" {
		if has, err := n.files.Has(ctx, p.Before); err != nil {
			return nil, nil, err
		} else if has {
			document, err := n.readFile(ctx, p.Before, edition.MaxManifest)
			if err != nil {
				return nil, nil, err
			}
			last, err := edition.ParseManifest(document)
			if err != nil {
				return nil, nil, err
			}
			manifests = append(manifests, last)
			hashes[p.Before] = true
		}
	}
	read, seen := n.partFiles(ctx), make(map[edition.Part]bool)
	for _, m := range manifests {
		for _, part := range m.Parts {
			if seen[part] {
				continue
			}
			seen[part] = true
			files, err := read(part)
			if err != nil {
				return nil, nil, err
			}
			hashes[part.SHA256] = true
			for _, f := range files {
				hashes[f.SHA256] = true
				if isRecord(f.Path) {
					records[f.Path] = true
				}
			}
		}
	}
	return hashes, records, nil
}

func (n *Node) sweepSignatures(records map[string]bool, before time.Time) error {
	root := n.editionDir("signatures")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		path := filepath.ToSlash(strings.TrimPrefix(name, root+string(filepath.Separator)))
		document, _, ok := edition.Signature(path)
		if ok && records[document] {
			return nil
		}
		info, err := d.Info()
		if err != nil || info.ModTime().After(before) {
			return err
		}
		return os.Remove(name)
	})
	if err != nil {
		return fmt.Errorf("drop signatures of no record: %w", err)
	}
	return nil
}
