package trace

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// maxEntries of a zip file that are looked at.
const maxZipEntries = 10_000

// readZip reads a zip archive and the documents that are one: OOXML (ECMA-376)
// and OpenDocument (ISO/IEC 26300).
func readZip(src *source, s *Sheet) error {
	r, err := zip.NewReader(src.in, src.size)
	if err != nil {
		s.gap("", "broken", src.size)
		return nil
	}
	z := &zipFile{src: src, sheet: s, times: make(map[string]bool)}
	z.office.sheet, z.office.src, z.office.seen = s, src, make(map[string]bool)
	s.text(Text, "zip", "Comment", []byte(r.Comment))
	s.Format = z.format(r)
	for i, f := range r.File {
		if i >= maxZipEntries {
			s.gap("", "too_many", 0)
			return nil
		}
		z.entry(f)
		if err := z.content(f); err != nil {
			return err
		}
	}
	return nil
}

type zipFile struct {
	src    *source
	sheet  *Sheet
	times  map[string]bool
	office office
	plain  bool // an archive, not a document
}

// format says what the archive is.
func (z *zipFile) format(r *zip.Reader) string {
	for _, f := range r.File {
		switch {
		case f.Name == "mimetype":
			b, _ := z.unpack(f)
			_, kind, _ := strings.Cut(string(b), "application/vnd.oasis.opendocument.")
			kind, _, _ = strings.Cut(kind, "-")
			if name, ok := map[string]string{"text": "odt", "spreadsheet": "ods", "presentation": "odp", "graphics": "odg"}[strings.TrimSpace(kind)]; ok {
				return name
			}
			return "zip"
		case strings.HasPrefix(f.Name, "word/"):
			return "docx"
		case strings.HasPrefix(f.Name, "xl/"):
			return "xlsx"
		case strings.HasPrefix(f.Name, "ppt/"):
			return "pptx"
		}
	}
	z.plain = true
	return "zip"
}

// entry tells what an entry's head says: its time, its comment, its extra fields.
func (z *zipFile) entry(f *zip.File) {
	s, where := z.sheet, "zip/"+f.Name
	s.text(Text, where, "Comment", []byte(f.Comment))
	if z.plain {
		s.text(Text, where, "FileName", []byte(f.Name))
	}
	for extra := f.Extra; len(extra) >= 4; {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra)-4 {
			s.gap(where, "broken", int64(len(extra)))
			break
		}
		z.extra(where, id, extra[4:4+n])
		extra = extra[4+n:]
	}
	at := f.Modified
	if at.Year() <= 1980 || len(z.times) >= 200 {
		return
	}
	value, zone := at.Format("2006-01-02 15:04:05"), "local"
	if f.ModifiedDate == 0 || hasUTC(f.Extra) {
		value, zone = at.UTC().Format("2006-01-02 15:04:05"), "utc"
	}
	if !z.times[value] {
		z.times[value] = true
		s.fact(Fact{Kind: Time, Where: where, Name: "Modified", Value: value, Zone: zone, Raw: binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, f.ModifiedTime), f.ModifiedDate)})
	}
}

// hasUTC reports whether an extra field holds Unix or NTFS time.
func hasUTC(extra []byte) bool {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if id == 0x5455 || id == 0x000a || id == 0x5855 {
			return true
		}
		if n > len(extra)-4 {
			return false
		}
		extra = extra[4+n:]
	}
	return false
}

// extra reads one extra field (APPNOTE 4.5, Info-ZIP).
func (z *zipFile) extra(where string, id uint16, b []byte) {
	switch id {
	case 0x0001, 0x9901, 0xa220: // large sizes, encryption, padding
	case 0x5455, 0x000a: // times, told as the entry's
		if id == 0x5455 && len(b) >= 9 {
			at := time.Unix(int64(int32(binary.LittleEndian.Uint32(b[5:]))), 0).UTC()
			z.sheet.fact(Fact{Kind: Time, Where: where, Name: "Accessed", Value: at.Format("2006-01-02 15:04:05"), Zone: "utc", Raw: b[5:9]})
		}
	case 0x7875: // Unix user and group
		z.sheet.fact(Fact{Kind: Serial, Where: where, Name: "UnixOwner", Value: fmt.Sprintf("%x", b), Raw: b})
	default:
		z.sheet.unknown(Text, where, fmt.Sprintf("Extra%04x", id), b)
	}
}

// unpack gives an entry's bytes, as far as the bounds allow.
func (z *zipFile) unpack(f *zip.File) ([]byte, bool) {
	r, err := f.Open()
	if err != nil {
		why := "broken"
		if f.Flags&1 != 0 {
			why = "encrypted"
		}
		z.sheet.gap(f.Name, why, int64(min(f.CompressedSize64, 1<<60)))
		return nil, false
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxPart+1))
	if !z.src.mayUnpack(int64(len(b))) || len(b) > maxPart {
		z.sheet.gap(f.Name, "too_large", int64(min(f.UncompressedSize64, 1<<60)))
		return b[:min(len(b), maxPart)], false
	}
	if err != nil {
		z.sheet.gap(f.Name, "broken", int64(min(f.CompressedSize64, 1<<60)))
		return b, len(b) > 0
	}
	return b, true
}

// content reads what an entry holds.
func (z *zipFile) content(f *zip.File) error {
	if strings.HasSuffix(f.Name, "/") || f.Name == "mimetype" {
		return nil
	}
	if f.Flags&1 != 0 {
		z.sheet.gap(f.Name, "encrypted", int64(min(f.CompressedSize64, 1<<60)))
		return nil
	}
	if f.Method == zip.Store && f.UncompressedSize64 > maxPart {
		if at, err := f.DataOffset(); err == nil {
			return z.inside(f.Name, z.src.part(at, int64(min(f.UncompressedSize64, 1<<60))))
		}
	}
	if proof := proofMode(f.Name); proof != "" {
		z.sheet.text(Provenance, f.Name, "ProofMode", []byte(proof))
	}
	b, whole := z.unpack(f)
	if len(b) == 0 {
		return nil
	}
	head := bytes.TrimLeft(b[:min(len(b), 64)], "\xef\xbb\xbf\xff\xfe\x00 \r\n\t")
	name := strings.ToLower(f.Name)
	switch {
	case bytes.HasPrefix(head, []byte("<")):
		return z.office.part(f.Name, b)
	case !whole:
		return nil
	}
	if strings.Contains(name, "thumbnail") && sniff(b[:min(len(b), 4<<10)]) != "" {
		return z.sheet.picture(z.src.unpacked(b), f.Name, 0, 0)
	}
	return z.inside(f.Name, z.src.unpacked(b))
}

// inside reads a file in the archive that is no XML.
func (z *zipFile) inside(name string, body *source) error {
	format, err := z.sheet.embed(body, name)
	if err != nil || format != "" {
		return err
	}
	b, err := body.bytes(0, min(body.size, maxPart))
	if err != nil {
		return ignoreShort(err)
	}
	switch {
	case strings.Contains(name, "printerSettings"):
		z.sheet.words(Device, name, "PrinterSettings", b)
	case printable(string(b[:min(len(b), 4<<10)])):
		readPlain(z.sheet, name, b)
		if !z.plain { // no document shows such a part
			z.sheet.words(Text, name, path.Base(name), b)
		}
	default:
		z.sheet.unknown(Text, name, path.Base(name), b)
	}
	return nil
}

// proofMode tells what of a ProofMode bundle a file is, by its name; "" for none.
func proofMode(name string) string {
	base := strings.ToLower(path.Base(name))
	for _, end := range []string{".proof.csv", ".proof.json", ".proof.csv.asc", ".proof.json.asc", ".devicecheck", ".gst", ".ots"} {
		if strings.HasSuffix(base, end) {
			return path.Base(name)
		}
	}
	if base == "pubkey.asc" || base == "howtoverifyproofdata.txt" {
		return path.Base(name)
	}
	return ""
}
