package trace

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// makers' notes whose layout is certain. Samsung's is not: its offsets count from
// one place in some models and from another in the rest. Tag numbers after ExifTool's tables.
var makers = []struct {
	head  string
	make  string // what the make begins with, where the note has no head
	at    int64  // of the directory in the note
	own   bool   // offsets count from the note, not from the Exif part
	order binary.ByteOrder
	tiff  int64 // of a TIFF head of its own in the note; 0 for none
	name  string
	tags  map[uint16]tag
}{
	{head: "Apple iOS\x00", at: 14, own: true, order: binary.BigEndian, name: "Apple", tags: map[uint16]tag{
		0x0003: {name: "RunTime", kind: Time, read: opaque}, 0x0008: {name: "AccelerationVector", kind: Place}, 0x000b: {name: "BurstUUID", kind: Serial},
		0x0011: {name: "ContentIdentifier", kind: Serial}, 0x0015: {name: "ImageUniqueID", kind: Serial}, 0x0017: {name: "LivePhotoVideoIndex", kind: Serial},
		0x0020: {name: "ImageCaptureRequestID", kind: Serial}, 0x002b: {name: "PhotoIdentifier", kind: Serial}}},
	{head: "Nikon\x00\x02", tiff: 10, name: "Nikon", tags: map[uint16]tag{
		0x001d: {name: "SerialNumber", kind: Serial}, 0x00a0: {name: "SerialNumber", kind: Serial}, 0x00a7: {name: "ShutterCount", kind: Serial},
		0x0084: {name: "Lens", kind: Device}, 0x0011: {name: "Preview", kind: Encoding, read: func(d *directory, f field) error { return below("Preview", tagsMain)(d, f) }},
		0x0091: {name: "ShotInfo", kind: Device, read: sealed}, 0x0097: {name: "ColorBalance", kind: Device, read: sealed}, 0x0098: {name: "LensData", kind: Device, read: sealed}}},
	{head: "SONY DSC ", at: 12, name: "Sony", tags: sonyTags}, {head: "SONY CAM ", at: 12, name: "Sony", tags: sonyTags},
	{head: "Panasonic\x00\x00\x00", at: 12, name: "Panasonic", tags: map[uint16]tag{
		0x0025: {name: "InternalSerialNumber", kind: Serial}, 0x0051: {name: "LensType", kind: Device}, 0x0052: {name: "LensSerialNumber", kind: Serial},
		0x0065: {name: "Title", kind: Text}, 0x0066: {name: "BabyName", kind: Person}, 0x0067: {name: "Location", kind: Place}, 0x006d: {name: "Country", kind: Place}, 0x006f: {name: "City", kind: Place}}},
	{head: "FUJIFILM", at: 12, own: true, order: binary.LittleEndian, name: "FujiFilm", tags: map[uint16]tag{
		0x0010: {name: "InternalSerialNumber", kind: Serial}, 0x1447: {name: "FujiModel", kind: Device}}},
	{make: "Canon", name: "Canon", tags: map[uint16]tag{
		0x0006: {name: "CanonImageType", kind: Device}, 0x0007: {name: "CanonFirmwareVersion", kind: Device}, 0x0008: {name: "FileNumber", kind: Serial},
		0x0009: {name: "OwnerName", kind: Person}, 0x000c: {name: "SerialNumber", kind: Serial}, 0x0010: {name: "CanonModelID", kind: Device},
		0x0028: {name: "ImageUniqueID", kind: Serial}, 0x0095: {name: "LensModel", kind: Device}, 0x0096: {name: "InternalSerialNumber", kind: Serial}}},
}

var sonyTags = map[uint16]tag{
	0xb020: {name: "CreativeStyle", kind: Encoding}, 0xb001: {name: "SonyModelID", kind: Device}, 0xb027: {name: "LensType", kind: Device},
	0x2031: {name: "SerialNumber", kind: Serial}, 0x9050: {name: "Tag9050", kind: Device, read: sealed}, 0x9402: {name: "Tag9402", kind: Device, read: sealed},
	0x9400: {name: "Tag9400", kind: Device, read: sealed}, 0x940c: {name: "Tag940c", kind: Device, read: sealed},
}

// sealed is a block that the maker scrambles.
func sealed(d *directory, f field) error {
	d.sheet.fact(Fact{Kind: Device, Where: d.path(f.id), Name: d.name(f.id), Raw: f.value})
	d.sheet.gap(d.path(f.id), "encrypted", int64(len(f.value)))
	return nil
}

// opaque is a block that is known and not taken apart.
func opaque(d *directory, f field) error {
	d.sheet.unknown(d.tags[f.id].kind, d.path(f.id), d.name(f.id), f.value)
	return nil
}

// makerNote reads what the camera's maker added. A note of unknown layout is
// given with the words in it and a Gap.
func makerNote(d *directory, f field) error {
	where := join(d.where, "MakerNote")
	d.sheet.words(Device, where, "MakerNote", f.value)
	if f.at < 0 {
		return nil
	}
	for _, m := range makers {
		if m.head != "" && !bytes.HasPrefix(f.value, []byte(m.head)) ||
			m.make != "" && !strings.HasPrefix(strings.ToLower(d.exif.make), strings.ToLower(m.make)) {
			continue
		}
		t := &tiff{src: d.src, order: d.order, sheet: d.sheet, where: d.where, seen: make(map[int64]bool), exif: d.exif}
		at := f.at + m.at
		if m.own {
			t.src, t.order, at = d.src.part(f.at, int64(len(f.value))), m.order, m.at
		}
		if m.tiff > 0 {
			t.src = d.src.part(f.at+m.tiff, int64(len(f.value))-m.tiff)
			head, err := t.src.bytes(0, min(8, t.src.size))
			if err != nil {
				return err
			}
			if t.order = byteOrder(head); t.order == nil {
				break
			}
			at = int64(t.order.Uint32(head[4:]))
		}
		_, err := t.directory(at, "MakerNote", m.tags, 1)
		return err
	}
	d.sheet.unknown(Device, where, "MakerNote", f.value)
	return nil
}
