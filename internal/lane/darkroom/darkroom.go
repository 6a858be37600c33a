// Package darkroom makes of the photos of the open lane what everybody may see,
// by the rules that hold in the whole house: decoded in the box of package media,
// encoded anew from pixels alone, looked for everything that the photo told
// (package gate). The photo itself lies in memory alone.
//
// It is the only place of the open lane from which a path leads to media; cmd/kua
// joins it to the lane.
package darkroom

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kua/internal/fault"
	"kua/internal/gate"
	"kua/internal/lane"
	"kua/internal/media"
	"kua/internal/trace"
)

const (
	// SmallSide and SmallBytes bound the small picture of a list.
	SmallSide  = 320
	SmallBytes = 15 << 10

	maxPixels = 64_000_000
	maxMemory = 3 << 30 // address space of the box: a progressive JPEG of so many pixels takes half of it
	wall      = time.Minute
	stall     = 30 * time.Second
)

// Darkroom cleans photos. It may be used from several goroutines, each of which
// takes a box of its own.
type Darkroom struct {
	runner media.Runner
	dir    string
}

// New makes a darkroom that runs the program self as "self box" and keeps what is
// half made, and clean, in a folder below dir, which it empties. A machine without
// the tools or the box gives media's fault that says how to mend it.
func New(self, dir string) (*Darkroom, error) {
	if err := media.Check(); err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "darkroom")
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("empty the darkroom: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the darkroom: %w", err)
	}
	return &Darkroom{dir: dir, runner: media.Runner{Self: self,
		Limits: media.Limits{PhotoPixels: maxPixels, MemoryBytes: maxMemory, OutputBytes: lane.MaxPictureBytes, Wall: wall, Stall: stall}}}, nil
}

// Clean implements lane.Cleaner.
func (d *Darkroom) Clean(ctx context.Context, photo *bytes.Reader) (large, small lane.Image, err error) {
	out, err := os.MkdirTemp(d.dir, "picture-")
	if err != nil {
		return large, small, fmt.Errorf("make room for a picture: %w", err)
	}
	defer os.RemoveAll(out)
	got, err := d.runner.Clean(ctx, photo, media.Cleaning{Side: lane.PictureSide, Small: SmallSide, SmallBytes: SmallBytes, PhotoAlone: true}, out, nil)
	if err != nil {
		return large, small, told(err)
	}
	if len(got.Made) != 2 {
		return large, small, fmt.Errorf("clean a photo: the box made %d pictures", len(got.Made))
	}
	needles, err := needles(photo, got.Sheet)
	if err != nil {
		return large, small, told(err)
	}
	if large, err = d.judge(ctx, got.Made[0], needles); err == nil {
		small, err = d.judge(ctx, got.Made[1], needles)
	}
	return large, small, err
}

// needles gives everything that the photo tells, and its hash.
func needles(photo *bytes.Reader, sheet trace.Sheet) (gate.Needles, error) {
	h := sha256.New()
	if _, err := photo.Seek(0, 0); err != nil {
		return gate.Needles{}, err
	}
	if _, err := photo.WriteTo(h); err != nil {
		return gate.Needles{}, err
	}
	return gate.NeedlesOf(sheet, hex.EncodeToString(h.Sum(nil))), nil
}

// judge gives the very bytes that the gate let through.
func (d *Darkroom) judge(ctx context.Context, m media.Rendition, needles gate.Needles) (lane.Image, error) {
	b, err := os.ReadFile(m.Path)
	if err != nil {
		return lane.Image{}, fmt.Errorf("read a clean picture: %w", err)
	}
	report, err := d.runner.Gate(ctx, bytes.NewReader(b), m.Type, needles)
	switch {
	case err != nil:
		return lane.Image{}, told(err)
	case m.Type != "image/jpeg" || !report.Clean():
		return lane.Image{}, fault.Invalid("lane.picture_refused")
	}
	return lane.Image{Bytes: b, Width: m.Width, Height: m.Height}, nil
}

// told turns media's faults, which are for whoever runs the machine, into those
// of the one who brought the photo.
func told(err error) error {
	f, ok := fault.Of(err)
	if !ok {
		return err
	}
	switch {
	case f.Key == "media.no_photo", f.Key == "media.photo_later", f.Key == "media.missing":
		return fault.Invalid("lane.picture_kind").Because(err) // what all need was there when the darkroom was made
	case f.Kind == fault.KindMissing:
		return fault.Missing("lane.no_pictures").Because(err)
	case f.Kind == fault.KindTooLarge:
		return fault.TooLarge("lane.picture_large", lane.MaxPictureBytes>>20).Because(err)
	case f.Kind == fault.KindInvalid, f.Key == "media.box_died":
		return fault.Invalid("lane.picture_broken").Because(err)
	}
	return err
}
