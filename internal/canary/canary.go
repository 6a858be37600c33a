// Package canary plants a unique word in every place of a file where something
// of its maker can hide, format by format: comments, tags, thumbnails, padding,
// private parts, bytes behind the end. With such files anyone can try out what a
// cleaning tool leaves. The tests of media and desk hold that nothing planted
// comes out of Kuä, and those of trace that it is seen.
//
// It works on plain base files that the caller gives; it reads nobody's files.
package canary

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"

	"kua/internal/fault"
)

// Prefix is what every planted word begins with.
const Prefix = "KuaCanary"

// Place is one place where a word was planted.
type Place struct {
	Name   string `json:"name"`             // "app1-exif-artist", "after-eoi"
	Token  string `json:"token"`            // the word
	Wide   bool   `json:"wide,omitempty"`   // planted in UTF-16, little or big endian
	Packed bool   `json:"packed,omitempty"` // lies in deflated bytes
}

// planters by format.
var planters = map[string]func(*garden, []byte) ([]byte, error){
	"jpeg": plantJPEG, "png": plantPNG, "webp": plantWebP, "gif": plantGIF, "tiff": plantTIFF, "heic": plantHEIC,
	"mp4": plantMP4, "mov": plantMP4, "m4v": plantMP4, "3gp": plantMP4, "m4a": plantMP4,
	"matroska": plantMatroska, "webm": plantMatroska, "avi": plantAVI, "mpegts": plantTS,
	"mp3": plantMP3, "aac": plantAAC, "ogg": plantOgg, "opus": plantOgg, "wav": plantWAV, "flac": plantFLAC, "amr": plantAMR,
	"pdf": plantPDF, "docx": plantDOCX, "odt": plantODT,
}

var endings = map[string]string{".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".gif": "gif", ".tif": "tiff", ".tiff": "tiff", ".heic": "heic",
	".mp4": "mp4", ".mov": "mov", ".m4v": "m4v", ".3gp": "3gp", ".m4a": "m4a", ".mkv": "matroska", ".webm": "webm", ".avi": "avi", ".ts": "mpegts",
	".mp3": "mp3", ".aac": "aac", ".ogg": "ogg", ".opus": "opus", ".wav": "wav", ".flac": "flac", ".amr": "amr", ".pdf": "pdf", ".docx": "docx", ".odt": "odt"}

// Formats gives the formats that Plant knows, sorted.
func Formats() []string {
	var all []string
	for f := range planters {
		all = append(all, f)
	}
	slices.Sort(all)
	return all
}

// FormatOf gives the format that a file's name speaks for, "" for none known.
func FormatOf(name string) string { return endings[strings.ToLower(filepath.Ext(name))] }

// Plant gives a copy of a plain file of the format with a different word in
// every place that the format is known to have, and the list of them. An
// unknown format is the fault canary.unknown, a base file that is not plain
// canary.broken.
func Plant(format string, base []byte) ([]byte, []Place, error) {
	plant := planters[format]
	if plant == nil {
		return nil, nil, fault.Invalid("canary.unknown", format)
	}
	g := &garden{run: strings.ToLower(rand.Text()[:10])}
	out, err := plant(g, base)
	if err != nil {
		return nil, nil, fault.Invalid("canary.broken", format).Because(err)
	}
	return out, g.places, nil
}

// In gives the places whose words stand in b: as they are, in UTF-16 or, with
// the help of open, in what open makes of b.
func In(b []byte, places []Place) []Place {
	var found []Place
	for _, p := range places {
		little, big := wide(p.Token)
		if bytes.Contains(b, []byte(p.Token)) || bytes.Contains(b, little) || bytes.Contains(b, big) {
			found = append(found, p)
		}
	}
	return found
}

// garden is one planting.
type garden struct {
	run    string
	places []Place
}

// word makes the word of a place.
func (g *garden) word(name string) string {
	p := Place{Name: name, Token: Prefix + "-" + name + "-" + g.run}
	g.places = append(g.places, p)
	return p.Token
}

// wide makes the word of a place in UTF-16.
func (g *garden) wide(name string, order binary.ByteOrder) []byte {
	w := g.word(name)
	g.places[len(g.places)-1].Wide = true
	little, big := wide(w)
	if order == binary.ByteOrder(binary.BigEndian) {
		return big
	}
	return little
}

// packed makes the word of a place that is deflated.
func (g *garden) packed(name string) string {
	w := g.word(name)
	g.places[len(g.places)-1].Packed = true
	return w
}

func wide(s string) (little, big []byte) {
	for _, c := range []byte(s) { // words are ASCII
		little = append(little, c, 0)
		big = append(big, 0, c)
	}
	return little, big
}

// be and le write numbers.
func be16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func be32(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
func le16(v int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }
func le32(v int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

// text joins strings and bytes.
func join(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p...)
		case []byte:
			out = append(out, p...)
		case byte:
			out = append(out, p)
		}
	}
	return out
}
