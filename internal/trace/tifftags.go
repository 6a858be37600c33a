package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// tag is one field of a table: its standard name and what it is about.
type tag struct {
	name string
	kind Kind
	read func(*directory, field) error
}

// layout marks fields that say how the picture lies in the file and nothing of
// anybody.
const layout Kind = "layout"

// The tables refer to functions that refer to the tables.
var tagsMain, tagsExif map[uint16]tag

func init() {
	tagsExif = map[uint16]tag{
		0x829a: {name: "ExposureTime", kind: Encoding}, 0x829d: {name: "FNumber", kind: Encoding},
		0x8827: {name: "ISO", kind: Encoding}, 0x9000: {name: "ExifVersion", kind: Encoding},
		0x8830: {name: "SensitivityType", kind: Encoding},
		0x882a: {name: "TimeZoneOffset", kind: Time, read: zoneOffset}, 0x882b: {name: "SelfTimerMode", kind: Encoding},
		0x9003: {name: "DateTimeOriginal", kind: Time, read: date}, 0x9004: {name: "CreateDate", kind: Time, read: date},
		0x9010: {name: "OffsetTime", kind: Time, read: date}, 0x9011: {name: "OffsetTimeOriginal", kind: Time, read: date},
		0x9012: {name: "OffsetTimeDigitized", kind: Time, read: date},
		0x9290: {name: "SubSecTime", kind: Time, read: local}, 0x9291: {name: "SubSecTimeOriginal", kind: Time, read: local},
		0x9292: {name: "SubSecTimeDigitized", kind: Time, read: local},
		0x920a: {name: "FocalLength", kind: Encoding}, 0xa405: {name: "FocalLengthIn35mmFormat", kind: Encoding},
		0x9214: {name: "SubjectArea", kind: Encoding},
		0x927c: {name: "MakerNote", kind: Device, read: makerNote},
		0x9286: {name: "UserComment", kind: Text, read: userComment},
		0x9400: {name: "AmbientTemperature", kind: Place}, 0x9402: {name: "Pressure", kind: Place},
		0xa002: {name: "ExifImageWidth", kind: Encoding}, 0xa003: {name: "ExifImageHeight", kind: Encoding},
		0xa004: {name: "RelatedSoundFile", kind: Text}, 0xa005: {name: "InteropOffset", kind: Encoding, read: below("Interop", tagsInterop)},
		0xa302: {name: "CFAPattern", kind: Encoding}, 0xa40b: {name: "DeviceSettingDescription", kind: Device},
		0xa420: {name: "ImageUniqueID", kind: Serial}, 0xa430: {name: "OwnerName", kind: Person},
		0xa431: {name: "SerialNumber", kind: Serial}, 0xa432: {name: "LensInfo", kind: Device},
		0xa433: {name: "LensMake", kind: Device}, 0xa434: {name: "LensModel", kind: Device},
		0xa435: {name: "LensSerialNumber", kind: Serial}, 0xa436: {name: "Title", kind: Text},
		0xa437: {name: "Photographer", kind: Person}, 0xa438: {name: "ImageEditor", kind: Person},
		0xa439: {name: "CameraFirmware", kind: Device}, 0xa43a: {name: "RAWDevelopingSoftware", kind: Software},
		0xa43b: {name: "ImageEditingSoftware", kind: Software}, 0xa43c: {name: "MetadataEditingSoftware", kind: Software},
		0xa460: {name: "CompositeImage", kind: History},
	}
	tagsMain = map[uint16]tag{
		0x010d: {name: "DocumentName", kind: Text}, 0x010e: {name: "ImageDescription", kind: Text},
		0x010f: {name: "Make", kind: Device, read: maker}, 0x0110: {name: "Model", kind: Device},
		0x011d: {name: "PageName", kind: Text}, 0x0131: {name: "Software", kind: Software},
		0x0132: {name: "ModifyDate", kind: Time, read: date}, 0x013b: {name: "Artist", kind: Person},
		0x013c: {name: "HostComputer", kind: Device}, 0x014a: {name: "SubIFDs", kind: Encoding, read: below("SubIFD", nil)},
		0x015b: {name: "JPEGTables", kind: layout},
		0x02bc: {name: "XMP", kind: Text, read: func(d *directory, f field) error { return readXMP(d.src, d.sheet, d.path(f.id), f.value) }},
		0x4746: {name: "Rating", kind: History}, 0x4749: {name: "RatingPercent", kind: History},
		0x8298: {name: "Copyright", kind: Person}, 0x83bb: {name: "IPTC", kind: Text, read: func(d *directory, f field) error {
			return readIPTC(d.src, d.sheet, d.path(f.id), f.value)
		}},
		0x8649: {name: "Photoshop", kind: Text, read: func(d *directory, f field) error {
			return readPhotoshop(d.src, d.sheet, d.path(f.id), f.value, d.exif.width, d.exif.height)
		}},
		0x8769: {name: "ExifOffset", kind: Encoding, read: below("Exif", tagsExif)},
		0x8773: {name: "ICC", kind: Device, read: func(d *directory, f field) error {
			readICC(d.sheet, d.path(f.id), f.value)
			return nil
		}},
		0x8825: {name: "GPSInfo", kind: Place, read: below("GPS", tagsGPS)},
		0x9c9b: {name: "XPTitle", kind: Text, read: wide}, 0x9c9c: {name: "XPComment", kind: Text, read: wide},
		0x9c9d: {name: "XPAuthor", kind: Person, read: wide}, 0x9c9e: {name: "XPKeywords", kind: Text, read: wide},
		0x9c9f: {name: "XPSubject", kind: Text, read: wide},
		0xc614: {name: "UniqueCameraModel", kind: Device}, 0xc615: {name: "LocalizedCameraModel", kind: Device},
		0xc62f: {name: "CameraSerialNumber", kind: Serial}, 0xc630: {name: "DNGLensInfo", kind: Device},
		0xc634: {name: "DNGPrivateData", kind: Device, read: func(d *directory, f field) error {
			d.sheet.unknown(Device, d.path(f.id), d.name(f.id), f.value)
			return nil
		}},
		0xc65d: {name: "RawDataUniqueID", kind: Serial}, 0xc68b: {name: "OriginalRawFileName", kind: Serial},
		0xc68c: {name: "OriginalRawFileData", kind: Leftover}, 0xc71b: {name: "PreviewDateTime", kind: Time, read: local},
		0xc716: {name: "PreviewApplicationName", kind: Software}, 0xc717: {name: "PreviewApplicationVersion", kind: Software},
		0xc6f3: {name: "CameraCalibrationSig", kind: Serial}, 0xc6f8: {name: "ProfileName", kind: Encoding},
		0xc6fe: {name: "ProfileCopyright", kind: Person},
	}
	// A sub-directory of a raw file may hold any of the first's fields.
	tagsMain[0x014a] = tag{name: "SubIFDs", kind: Encoding, read: below("SubIFD", tagsMain)}
	for _, id := range []uint16{0x00fe, 0x00ff, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x010a, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117,
		0x0118, 0x0119, 0x011a, 0x011b, 0x011c, 0x0128, 0x012d, 0x013d, 0x013e, 0x013f, 0x0140, 0x0142, 0x0143, 0x0144, 0x0145, 0x0152,
		0x0153, 0x0201, 0x0202, 0x0211, 0x0212, 0x0213, 0x0214} {
		tagsMain[id] = tag{name: "Layout", kind: layout}
	}
	for id, t := range tagsMain { // phones put fields where they do not belong
		if _, there := tagsExif[id]; !there && t.kind != layout {
			tagsExif[id] = t
		}
	}
	for id, t := range tagsExif {
		if _, there := tagsMain[id]; !there {
			tagsMain[id] = t
		}
	}
}

var tagsInterop = map[uint16]tag{1: {name: "InteropIndex", kind: Encoding}, 2: {name: "InteropVersion", kind: Encoding},
	0x1001: {name: "RelatedImageWidth", kind: History}, 0x1002: {name: "RelatedImageHeight", kind: History}}

// maker keeps the make, which some makers' notes are read by.
func maker(d *directory, f field) error {
	d.exif.make = string(bytes.TrimRight(f.value, "\x00 "))
	d.say(Device, f)
	return nil
}

// wide reads Microsoft's fields: UTF-16, always this end first.
func wide(d *directory, f field) error {
	d.sheet.utf16(d.tags[f.id].kind, d.path(f.id), d.name(f.id), f.value, binary.LittleEndian)
	return nil
}

// local is a time that names no zone.
func local(d *directory, f field) error {
	if text := cString(f.value); text != "" {
		d.sheet.fact(Fact{Kind: Time, Where: d.path(f.id), Name: d.name(f.id), Value: text, Zone: "local"})
	}
	return nil
}

// zoneOffset is TIFF/EP's (ISO 12234-2): hours from UTC of the picture's time,
// and of the change's. It says in which part of the world the clock hung.
func zoneOffset(d *directory, f field) error {
	var hours []string
	for i := range min(f.count, 2) {
		if n, ok := d.number(f, i); ok {
			hours = append(hours, fmt.Sprintf("%+d", int(n)))
		}
	}
	d.sheet.fact(Fact{Kind: Time, Where: d.path(f.id), Name: d.name(f.id), Value: strings.Join(hours, " "), Zone: "offset", Raw: f.value})
	return nil
}

// cString is text up to the first zero byte.
func cString(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// userComment begins with eight bytes that name the alphabet.
func userComment(d *directory, f field) error {
	where, name := d.path(f.id), d.name(f.id)
	if len(f.value) < 8 {
		d.sheet.text(Text, where, name, f.value)
		return nil
	}
	body := bytes.TrimRight(f.value[8:], "\x00 ")
	if len(f.value[8:])-len(body) < 2 && len(body)%2 != 0 && len(body) < len(f.value)-8 {
		body = f.value[8 : 8+len(body)+1] // a zero that belongs to a letter
	}
	if string(f.value[:8]) == "UNICODE\x00" {
		order := d.order
		if len(body) >= 2 && body[0] != 0 && body[1] == 0 {
			order = binary.LittleEndian // what many phones write whatever the file's order is
		} else if len(body) >= 2 && body[0] == 0 && body[1] != 0 {
			order = binary.BigEndian
		}
		d.sheet.utf16(Text, where, name, f.value[8:], order)
		return nil
	}
	d.sheet.text(Text, where, name, body)
	if !printable(string(bytes.TrimRight(f.value[:8], "\x00"))) && len(bytes.Trim(f.value[:8], "\x00")) > 0 {
		d.sheet.unknown(Text, where, name, f.value)
	}
	return nil
}
