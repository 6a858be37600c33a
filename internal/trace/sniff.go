package trace

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// magic names formats by fixed bytes, looked through in order.
var magic = []struct {
	at     int
	prefix string
	format string
}{
	{0, "\xff\xd8\xff", "jpeg"},
	{0, "\x89PNG\r\n\x1a\n", "png"},
	{0, "GIF87a", "gif"},
	{0, "GIF89a", "gif"},
	{0, "II*\x00", "tiff"},
	{0, "MM\x00*", "tiff"},
	{0, "\x1a\x45\xdf\xa3", "matroska"},
	{0, "OggS", "ogg"},
	{0, "fLaC", "flac"},
	{0, "\x00\x00\x01\xba", "mpegps"},
	{0, "#!AMR", "amr"},
	{0, "ID3", "mp3"},
	{0, "%PDF-", "pdf"},
	{0, "PK\x03\x04", "zip"}, // DOCX, ODT and their kin
	{0, "PK\x05\x06", "zip"},
	{0, "{\\rtf", "rtf"},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"}, // the old Office
}

// isText reports whether a file begins as text: UTF-16 by its mark, or UTF-8 of
// which almost all can be read.
func isText(b []byte) bool {
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return true
	}
	for i := 0; i < utf8.UTFMax && !utf8.Valid(b) && len(b) > 0; i++ { // the last rune may be cut
		b = b[:len(b)-1]
	}
	if len(b) == 0 || !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	odd := 0
	for _, r := range string(b) {
		if !readable(r) && !unicode.Is(unicode.Cf, r) {
			odd++
		}
	}
	return odd*20 <= len(b)
}

// sniff names the format of a file by its first bytes, "" for none known.
func sniff(b []byte) string {
	if len(b) >= 12 {
		switch string(b[4:8]) {
		case "ftyp":
			switch string(b[8:12]) {
			case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1", "avif", "avis":
				return "heic"
			}
			return "mp4"
		case "moov", "mdat", "wide", "skip", "free", "pnot":
			return "mp4"
		}
		if string(b[:4]) == "RIFF" || string(b[:4]) == "RF64" || string(b[:4]) == "BW64" {
			switch string(b[8:12]) {
			case "WEBP":
				return "webp"
			case "AVI ", "AVIX":
				return "avi"
			case "WAVE":
				return "wav"
			}
		}
	}
	for _, m := range magic {
		if len(b) >= m.at && bytes.HasPrefix(b[m.at:], []byte(m.prefix)) {
			return m.format
		}
	}
	switch {
	case len(b) > 188 && b[0] == 0x47 && b[188] == 0x47, len(b) > 196 && b[4] == 0x47 && b[196] == 0x47:
		return "mpegts"
	case len(b) > 2 && b[0] == 0xff && b[1]&0xf6 == 0xf0:
		return "aac"
	case len(b) > 2 && b[0] == 0xff && b[1]&0xe0 == 0xe0 && b[1]&0x06 != 0 && b[1] != 0xfe: // ff fe begins UTF-16
		return "mp3"
	}
	return ""
}
