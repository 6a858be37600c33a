package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// format is what the first bytes of a file say it is.
type format struct {
	Name string // ours: "mp4", "jpeg", "pdf"
	Type Type   // Unknown where only the streams can tell film from sound
	// Demuxer is ffmpeg's name for -f, Allow its list for -format_whitelist;
	// empty for what ffmpeg must not touch.
	Demuxer, Allow string
}

// tmp is how much memory for files a box for this format needs.
func (f format) tmp() int64 {
	if f == formatHEIC || f.Type == Document {
		return tmpFileBytes
	}
	return tmpBytes
}

// sniffBytes is how much of a file is looked at.
const sniffBytes = 4 << 10

var (
	formatMP4      = format{"mp4", Unknown, "mov", "mov,mp4,m4a,3gp,3g2,mj2"}
	formatMatroska = format{"matroska", Unknown, "matroska", "matroska,webm"}
	formatAVI      = format{"avi", Unknown, "avi", "avi"}
	formatTS       = format{"mpegts", Unknown, "mpegts", "mpegts"}
	formatPS       = format{"mpeg", Unknown, "mpeg", "mpeg"}
	formatOgg      = format{"ogg", Unknown, "ogg", "ogg"}
	formatMP3      = format{"mp3", Sound, "mp3", "mp3"}
	formatADTS     = format{"aac", Sound, "aac", "aac"}
	formatWAV      = format{"wav", Sound, "wav", "wav"}
	formatFLAC     = format{"flac", Sound, "flac", "flac"}
	formatAMR      = format{"amr", Sound, "amr", "amr"}

	formatJPEG = format{"jpeg", Photo, "", ""}
	formatPNG  = format{"png", Photo, "", ""}
	formatGIF  = format{"gif", Photo, "gif", "gif"} // a film if it moves
	formatWebP = format{"webp", Photo, "", ""}
	formatHEIC = format{"heic", Photo, "", ""}
	formatTIFF = format{"tiff", Photo, "", ""}
	formatBMP  = format{"bmp", Photo, "", ""}

	formatPDF     = format{"pdf", Document, "", ""}
	formatZip     = format{"zip", Document, "", ""} // OOXML, OpenDocument, EPUB, archives
	formatOLE     = format{"ole", Document, "", ""} // the old Office
	formatRTF     = format{"rtf", Document, "", ""}
	formatText    = format{"text", Document, "", ""} // also playlists that call themselves films
	formatUnknown = format{"unknown", Unknown, "", ""}
)

// unmeasured reports whether files of a format have no place for their length:
// ffmpeg guesses it of the first frames' size, which may be off twentyfold
// where a recording begins in silence.
func (f format) unmeasured() bool { return f == formatADTS || f == formatAMR || f == formatMP3 }

// magic is looked through in order.
var magic = []struct {
	at     int
	prefix string
	is     format
}{
	{0, "\xff\xd8\xff", formatJPEG},
	{0, "\x89PNG\r\n\x1a\n", formatPNG},
	{0, "GIF87a", formatGIF},
	{0, "GIF89a", formatGIF},
	{8, "WEBP", formatWebP},
	{0, "II*\x00", formatTIFF},
	{0, "MM\x00*", formatTIFF},
	{0, "BM", formatBMP},
	{0, "\x1a\x45\xdf\xa3", formatMatroska},
	{8, "AVI ", formatAVI},
	{8, "AVIX", formatAVI},
	{8, "WAVE", formatWAV},
	{0, "OggS", formatOgg},
	{0, "fLaC", formatFLAC},
	{0, "#!AMR", formatAMR},
	{0, "ID3", formatMP3},
	{0, "\x00\x00\x01\xba", formatPS},
	{0, "%PDF-", formatPDF},
	{0, "PK\x03\x04", formatZip},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", formatOLE},
	{0, "{\\rtf", formatRTF},
}

// sniff judges a file by its first bytes. It is the only reading of an
// original that happens outside the box: comparisons with fixed bytes.
func sniff(in Input) (format, error) {
	head := make([]byte, sniffBytes)
	n, err := in.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return format{}, fmt.Errorf("read the original: %w", err)
	}
	f := sniffHead(head[:n])
	if f != formatMP3 || !bytes.HasPrefix(head, []byte("ID3")) {
		return f, nil
	}
	// Some programs put the tag of an MP3 before AAC and FLAC too (ID3v2.4, 3.1).
	behind := int64(10)
	for i, b := range head[6:10] {
		behind += int64(b&0x7f) << (21 - 7*i)
	}
	n, err = in.ReadAt(head, behind)
	if err != nil && !errors.Is(err, io.EOF) {
		return format{}, fmt.Errorf("read the original: %w", err)
	}
	if g := sniffHead(head[:n]); g == formatADTS || g == formatFLAC {
		return g, nil
	}
	return f, nil
}

func sniffHead(b []byte) format {
	if f, ok := sniffBoxes(b); ok {
		return f
	}
	for _, m := range magic {
		if len(b) >= m.at && bytes.HasPrefix(b[m.at:], []byte(m.prefix)) && (m.at == 0 || bytes.HasPrefix(b, []byte("RIFF")) || m.is == formatWAV && bytes.HasPrefix(b, []byte("RF64"))) {
			return m.is
		}
	}
	switch {
	case len(b) > 188 && b[0] == 0x47 && b[188] == 0x47:
		return formatTS
	case len(b) > 196 && b[4] == 0x47 && b[196] == 0x47: // camcorders put four bytes of time before each packet
		return formatTS
	case isUTF16(b): // whose mark could begin an MP3
		return formatText
	case len(b) > 2 && b[0] == 0xff && b[1]&0xf6 == 0xf0:
		return formatADTS
	case len(b) > 2 && b[0] == 0xff && b[1]&0xe0 == 0xe0 && b[1]&0x06 != 0:
		return formatMP3
	case isText(b):
		return formatText
	}
	return formatUnknown
}

// sniffBoxes knows the ISO base media family by its first box (ISO/IEC 14496-12).
func sniffBoxes(b []byte) (format, bool) {
	if len(b) < 12 {
		return format{}, false
	}
	switch string(b[4:8]) {
	case "ftyp":
		switch string(b[8:12]) {
		case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1", "avif", "avis":
			return formatHEIC, true
		}
		return formatMP4, true
	case "moov", "mdat", "wide", "skip", "free", "pnot": // QuickTime before ftyp, and some cameras
		return formatMP4, true
	}
	return format{}, false
}

// isUTF16 accepts UTF-16 behind its mark, without control characters.
func isUTF16(b []byte) bool {
	order := map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian}[string(b[:min(2, len(b))])]
	if order == nil || len(b) < 4 || len(b)%2 != 0 {
		return false
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 2; i < len(b); i += 2 {
		units = append(units, order.Uint16(b[i:]))
	}
	if len(b) == sniffBytes && utf16.IsSurrogate(rune(units[len(units)-1])) { // a letter may be cut
		units = units[:len(units)-1]
	}
	text := utf16.Decode(units)
	return isText([]byte(string(text))) && !slices.Contains(text, utf8.RuneError)
}

// isText accepts UTF-8 without control characters.
func isText(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if len(b) == sniffBytes { // the last rune may be cut
		for i := 0; i < utf8.UTFMax && !utf8.Valid(b); i++ {
			b = b[:len(b)-1]
		}
	}
	return utf8.Valid(b) && bytes.IndexFunc(b, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
	}) < 0
}
