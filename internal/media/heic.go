package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"kua/internal/fault"
)

// HEIC and AVIF are decoded by libheif's heif-convert, in the same box as
// everything else. It turns the picture upright itself, as the format demands;
// EXIF's word on it does not count there.
const heicCopy = "/tmp/in.heif"

// copyIn puts the original, as from gives it, into the box's memory, for a tool
// that can only read a file. It is never on a disk.
func (s *stage) copyIn(file string, from io.Reader) error {
	if s.in.size > maxFileInput {
		return fault.TooLarge("media.too_heavy", maxFileInput>>20)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("copy the original into the box: %w", err)
	}
	_, err = io.Copy(f, from)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("copy the original into the box: %w", err)
	}
	return nil
}

var heicImages = regexp.MustCompile(`(?m)^image: \d`)

var heicSize = regexp.MustCompile(`(?m)^image: (\d{1,6})x(\d{1,6}) \(id=\d+\), primary`)

// heicShown gives the size of the upright main picture, and how many pictures
// the file shows.
func (s *stage) heicShown() (w, h, pictures int, err error) {
	if err := haveTool("heif-info"); err != nil {
		return 0, 0, 0, err
	}
	if err := s.copyIn(heicCopy, s.reader()); err != nil {
		return 0, 0, 0, err
	}
	cmd, said := program(context.Background(), "heif-info", heicCopy)
	var out bytes.Buffer
	cmd.Stdout = &limitedBuffer{b: &out, max: 1 << 20}
	if err := cmd.Run(); err != nil {
		return 0, 0, 0, toolFailed("media.broken", err, said)
	}
	found := heicSize.FindSubmatch(out.Bytes())
	if found == nil {
		return 0, 0, 0, fault.Invalid("media.broken")
	}
	w, _ = strconv.Atoi(string(found[1]))
	h, _ = strconv.Atoi(string(found[2]))
	return w, h, len(heicImages.FindAllIndex(out.Bytes(), -1)), nil
}

// heicPicture decodes into a file that Go reads: a PNG where the light needs
// more than 8 bits, else a JPEG of the highest quality, which is three times
// as fast and loses nothing that the derivative keeps.
func (s *stage) heicPicture() (file string, n notes, err error) {
	code := heicCode(bytesAt(s.in, 0, maxHEICHead, s.in.size))
	file = "/tmp/out.jpg"
	if code.transfer == transferPQ || code.transfer == transferHLG {
		file = "/tmp/out.png"
	}
	if err := haveTool("heif-convert"); err != nil {
		return "", n, err
	}
	cmd, said := program(context.Background(), "heif-convert", "--quiet", "-q", "98", heicCopy, file)
	if err := cmd.Run(); err != nil {
		return "", n, toolFailed("media.broken", err, said)
	}
	// Of a file with several main pictures each gets a number; the first is shown.
	if !exists(file) {
		ext := filepath.Ext(file)
		file = file[:len(file)-len(ext)] + "-1" + ext
	}
	f, err := os.Open(file)
	if err != nil {
		return "", n, decodeFailed(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", n, decodeFailed(err)
	}
	format := map[string]string{".jpg": formatJPEG.Name, ".png": formatPNG.Name}[filepath.Ext(file)]
	n = readNotes(format, f, info.Size())
	n.turn = 1
	if n.profile == nil && n.code == (cicp{}) {
		n.code = code
	}
	return file, n, nil
}

const maxHEICHead = 4 << 20

// heicCode finds the colours by number of the first picture that has them: a
// colr box of kind nclx in meta's list of properties (ISO/IEC 23008-12 9.3).
func heicCode(b []byte) cicp {
	for _, in := range []struct {
		box  string
		skip int // version and flags
	}{{"meta", 4}, {"iprp", 0}, {"ipco", 0}} {
		if b, _ = childBox(b, in.box); len(b) < in.skip {
			return cicp{}
		}
		b = b[in.skip:]
	}
	for len(b) > 0 {
		var colr []byte
		if colr, b = childBox(b, "colr"); len(colr) >= 8 && string(colr[:4]) == "nclx" {
			return cicp{primaries: int(binary.BigEndian.Uint16(colr[4:])), transfer: int(binary.BigEndian.Uint16(colr[6:]))}
		}
	}
	return cicp{}
}

// childBox gives the body of the first box of a kind, and what follows it.
func childBox(b []byte, kind string) (body, rest []byte) {
	for len(b) >= 8 {
		n := uint64(binary.BigEndian.Uint32(b))
		if n == 0 || n > uint64(len(b)) {
			n = uint64(len(b))
		}
		if n < 8 {
			return nil, nil
		}
		if string(b[4:8]) == kind {
			return b[8:n], b[n:]
		}
		b = b[n:]
	}
	return nil, nil
}
