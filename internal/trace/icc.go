package trace

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// readICC reads a colour profile (ICC.1:2022): its words, its makers, its day.
func readICC(s *Sheet, where string, b []byte) {
	if len(b) < 132 || string(b[36:40]) != "acsp" {
		s.gap(where, "broken", int64(len(b)))
		s.words(Device, where, "ICC", b)
		return
	}
	for _, f := range []struct {
		at   int
		name string
		kind Kind
	}{{4, "ProfileCMMType", Software}, {48, "DeviceManufacturer", Device}, {52, "DeviceModel", Device}, {80, "ProfileCreator", Software}} {
		s.text(f.kind, join(where, f.name), f.name, []byte(strings.TrimRight(string(b[f.at:f.at+4]), "\x00 ")))
	}
	if day := b[24:36]; strings.Trim(string(day), "\x00") != "" {
		var n [6]any
		for i := range n {
			n[i] = binary.BigEndian.Uint16(day[2*i:])
		}
		s.fact(Fact{Kind: Time, Where: join(where, "ProfileDateTime"), Name: "ProfileDateTime",
			Value: fmt.Sprintf("%04d:%02d:%02d %02d:%02d:%02d", n[:]...), Zone: "utc", Raw: day})
	}
	if id := b[84:100]; strings.Trim(string(id), "\x00") != "" {
		s.fact(Fact{Kind: Serial, Where: join(where, "ProfileID"), Name: "ProfileID", Value: fmt.Sprintf("%x", id), Raw: id})
	}
	count := binary.BigEndian.Uint32(b[128:])
	end := int64(132) + int64(min(count, 200))*12
	for i := range int64(min(count, 200)) {
		at := 132 + 12*i
		if at+12 > int64(len(b)) {
			s.gap(where, "broken", 0)
			return
		}
		start, size := int64(binary.BigEndian.Uint32(b[at+4:])), int64(binary.BigEndian.Uint32(b[at+8:]))
		if start < 0 || start > int64(len(b)) || size > int64(len(b))-start {
			s.gap(join(where, clip(string(b[at:at+4]))), "broken", 0)
			continue
		}
		iccTag(s, where, strings.TrimSpace(string(b[at:at+4])), b[start:start+size])
		end = max(end, start+size)
	}
	if rest := b[min(end, int64(len(b))):]; len(rest) > 3 {
		s.unknown(Leftover, where, "after ICC", rest)
	}
}

func iccTag(s *Sheet, where, name string, b []byte) {
	if len(b) < 8 {
		return
	}
	kind := Device
	if name == "cprt" {
		kind = Person
	}
	where = join(where, clip(name))
	switch string(b[:4]) {
	case "text":
		s.text(kind, where, name, b[8:])
	case "desc": // version 2: ASCII, then Unicode, then a Macintosh text
		n := int64(0)
		if len(b) >= 12 {
			n = min(int64(binary.BigEndian.Uint32(b[8:])), int64(len(b)-12))
			s.text(kind, where, name, b[12:12+n])
		}
		if rest := b[min(12+n, int64(len(b))):]; strings.Trim(string(rest), "\x00") != "" {
			s.words(kind, where, name, rest)
		}
	case "mluc":
		if len(b) < 16 {
			return
		}
		for i := range min(int64(binary.BigEndian.Uint32(b[8:])), 100) {
			at := 16 + 12*i
			if at+12 > int64(len(b)) {
				break
			}
			n, start := int64(binary.BigEndian.Uint32(b[at+4:])), int64(binary.BigEndian.Uint32(b[at+8:]))
			if start <= int64(len(b)) && n <= int64(len(b))-start {
				s.utf16(kind, where, name, b[start:start+n], binary.BigEndian)
			}
		}
	case "XYZ ", "curv", "para", "sf32", "mft1", "mft2", "mAB ", "mBA ", "sig ", "chrm", "meas", "view", "cicp":
	default:
		s.unknown(Device, where, name, b)
	}
}
