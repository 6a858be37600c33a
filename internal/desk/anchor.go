package desk

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"kua/internal/canon"
	"kua/internal/desk/deskdb"
	"kua/internal/edition"
	"kua/internal/receipt"
)

// anchor makes the next edition's anchor from the parcels that no anchor holds.
// Every edition has one, also when nothing came.
func (d *Desk) anchor(ctx context.Context) ([]byte, error) {
	filed, err := d.db.Unanchored(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, f := range filed {
		line, err := filingOf(f)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return edition.NewAnchor(lines)
}

func filingOf(f deskdb.Filed) (string, error) {
	var blind [32]byte
	if n, err := hex.Decode(blind[:], []byte(f.Blind)); err != nil || n != len(blind) {
		return "", fmt.Errorf("parcel number %d: its blinding key is malformed", f.Number)
	}
	return receipt.Filing(blind), nil
}

// noteAnchored notes which parcels the edition's anchor holds. It is done after
// the edition became the tree, from what is really there.
func (d *Desk) noteAnchored(ctx context.Context, p deskdb.Proposal) error {
	anchor, err := os.ReadFile(filepath.Join(d.Tree(), filepath.FromSlash(edition.AnchorPath(p.Edition))))
	if err != nil {
		return err
	}
	filed, err := d.db.Unanchored(ctx)
	if err != nil {
		return err
	}
	var held []int64
	for _, f := range filed {
		line, err := filingOf(f)
		if err != nil {
			return err
		}
		in, err := edition.InAnchor(anchor, line)
		if err != nil {
			return err
		}
		if in {
			held = append(held, f.Number)
		}
	}
	return d.db.Anchored(ctx, p.Edition, canon.Hash(anchor), held)
}

// stagedAnchor reads the anchor of a proposal where it lies now.
func (d *Desk) stagedAnchor(p deskdb.Proposal) ([]byte, error) {
	path, err := d.stagedPath(edition.AnchorPath(p.Edition))
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the anchor of edition %d is gone: %w", p.Edition, err)
	}
	return b, err
}
