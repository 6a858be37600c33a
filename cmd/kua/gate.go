package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/gate"
	"kua/internal/media"
	"kua/internal/trace"
)

// mediaTypes are those that the gate has an allow-list for, by the ending of a name.
var mediaTypes = map[string]string{".mp4": "video/mp4", ".m4a": "audio/mp4", ".webm": "audio/webm", ".weba": "audio/webm", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".webp": "image/webp", ".png": "image/png", ".vtt": "text/vtt"}

// The exit codes of kua gate.
const (
	gateClean     = 0
	gateRefused   = 1
	gateUnchecked = 2
)

func (a *app) gateCommand() *cobra.Command {
	var original, mediaType string
	var asJSON bool
	c := a.command("gate FILE", "cli.gate", `
  kua gate film-240p.mp4 --original VID_20261119.mp4
  kua gate photo.jpg --original IMG_4711.heic --json
  kua gate audio.webm`)
	c.Flags().StringVar(&original, "original", "", a.t("cli.flag.original"))
	c.Flags().StringVar(&mediaType, "type", "", a.t("cli.flag.type"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		r, unread, err := a.gate(c, args[0], original, mediaType)
		if err != nil {
			a.fail(err)
			a.code = gateUnchecked
			return nil
		}
		a.code = gateClean
		if !r.Clean() {
			a.code = gateRefused
		}
		if asJSON {
			return printJSON(a.out, r)
		}
		a.sayGate(args[0], r, original != "")
		if unread > 0 {
			a.say("cli.gate.unread", unread)
		}
		return nil
	}
	return c
}

// gate reads the original, if one is given, and judges the file by it. It says
// how many parts of the original could not be read.
func (a *app) gate(c *cobra.Command, name, original, mediaType string) (r gate.Report, unread int, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, 0, err
	}
	m := &media.Runner{Self: self}
	in, err := openInput(name)
	if err != nil {
		return r, 0, err
	}
	defer in.Close()
	if mediaType == "" {
		if mediaType, err = typeOf(in, name); err != nil {
			return r, 0, err
		}
	}
	var needles gate.Needles
	if original != "" {
		if needles, unread, err = needlesOf(c, m, original); err != nil {
			return r, 0, err
		}
	}
	r, err = m.Gate(c.Context(), in, mediaType, needles)
	return r, unread, err
}

// typeOf is the media type that a file's ending speaks for, or its first bytes
// where the ending says nothing.
func typeOf(in inputFile, name string) (string, error) {
	if known := mediaTypes[strings.ToLower(filepath.Ext(name))]; known != "" {
		return known, nil
	}
	head, err := in.head()
	if err != nil {
		return "", err
	}
	if known := gate.TypeOf(head); known != "" {
		return known, nil
	}
	return "", fault.Invalid("gate.unknown_type", name)
}

// needlesOf gives what an original tells, its name and its hash, and how many of
// its parts could not be read.
func needlesOf(c *cobra.Command, m *media.Runner, name string) (needles gate.Needles, unread int, err error) {
	in, err := openInput(name)
	if err != nil {
		return needles, 0, err
	}
	defer in.Close()
	sheet, err := m.Trace(c.Context(), in)
	if err != nil {
		return needles, 0, err
	}
	needles, err = needlesIn(in, name, sheet)
	return needles, len(sheet.Gaps), err
}

// needlesIn gives what a sheet tells, and the file's name and hash.
func needlesIn(in inputFile, name string, sheet trace.Sheet) (gate.Needles, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(in, 0, in.Size())); err != nil {
		return gate.Needles{}, fmt.Errorf("read %s: %w", name, err)
	}
	return gate.NeedlesOf(sheet, filepath.Base(name), hex.EncodeToString(h.Sum(nil))), nil
}

func (a *app) sayGate(name string, r gate.Report, searched bool) {
	name = plainLine(name)
	if r.Clean() {
		a.say("cli.gate.clean", name)
	} else {
		a.say("cli.gate.refused", name)
	}
	for _, f := range r.Findings {
		where := f.Where
		if where == "" {
			where = "-"
		}
		a.say("cli.gate.finding", f.Offset, plainLine(where), a.t(f.What), plainLine(f.Detail))
	}
	if searched {
		a.say("cli.gate.searched", r.Needles)
	} else {
		a.say("cli.gate.structure")
	}
	for _, p := range r.Parts {
		a.say("cli.gate.part", plainLine(p.Where), strconv.Itoa(p.Count), p.Bytes)
	}
}
