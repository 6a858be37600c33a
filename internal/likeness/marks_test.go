package likeness

import (
	"bytes"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"kua/internal/trace"
)

func TestMarks(t *testing.T) {
	key := []byte("a key of the desk's own")
	sealed := func(facts ...trace.Fact) map[[32]byte]Weight {
		all := make(map[[32]byte]Weight)
		for _, m := range Marks(trace.Sheet{Facts: facts}) {
			all[m.Seal(key)] = m.Weight
		}
		return all
	}
	serial := trace.Fact{Kind: trace.Serial, Name: "BodySerialNumber", Value: "C3K-0017-99"}
	phone := sealed(serial, serial, trace.Fact{Kind: trace.Device, Name: "Model", Value: "Phone 5"}, trace.Fact{Kind: trace.Place, Value: "43.2,76.9"},
		trace.Fact{Kind: trace.Encoding, Name: "SEI", Value: "x264 - core 164"})
	if len(phone) != 3 {
		t.Errorf("%d marks, want the serial, the model and the encoder", len(phone))
	}
	for sum, weight := range sealed(trace.Fact{Kind: trace.Serial, Name: "bodyserialnumber ", Value: "c3k-0017-99\x00"}) {
		if phone[sum] != Strong || weight != Strong {
			t.Error("one number written in another way is another mark")
		}
	}
	for sum := range sealed(trace.Fact{Kind: trace.Device, Name: "Model", Value: "Phone 6"}, trace.Fact{Kind: trace.Software, Value: "C3K-0017-99"}) {
		if _, there := phone[sum]; there {
			t.Error("another phone shares a mark")
		}
	}
	for _, none := range []string{"", "0000000", "00-00-00", "1234"} {
		if n := len(sealed(trace.Fact{Kind: trace.Serial, Name: "SerialNumber", Value: none})); n != 0 {
			t.Errorf("%q counts as a serial number", none)
		}
	}
	m := Marks(trace.Sheet{Facts: []trace.Fact{serial}})[0]
	if m.Seal(key) == m.Seal([]byte("another desk's")) {
		t.Error("two desks seal alike")
	}
	var many []trace.Fact
	for i := range 1000 {
		many = append(many, trace.Fact{Kind: trace.Software, Value: strings.Repeat("a", i+1)})
	}
	if n := len(sealed(many...)); n != maxMarks {
		t.Errorf("%d marks of one file", n)
	}
	// What comes last in a long file and tells the most is kept.
	crowd := append(many, trace.Fact{Kind: trace.Device, Name: "Model", Value: "Phone 5"}, serial)
	if got := Marks(trace.Sheet{Facts: crowd}); len(got) != maxMarks || got[0].Kind != "serial" || got[1].Kind != "device" {
		t.Errorf("of a crowd are kept %d, the first %+v", len(got), got[:2])
	}
	if n := len(sealed(trace.Fact{Kind: trace.Encoding, Name: "TagName", Value: "ENCODER"})); n != 0 {
		t.Error("the name of a field counts as a mark")
	}
}

func encoded(t testing.TB, quality int, seed uint64) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, scene(seed, 64, 48), &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTables(t *testing.T) {
	one := Tables(bytes.NewReader(encoded(t, 80, 1)))
	if len(one) != 64 || one != Tables(bytes.NewReader(encoded(t, 80, 2))) {
		t.Error("two pictures of one encoder have other tables")
	}
	if one == Tables(bytes.NewReader(encoded(t, 81, 1))) {
		t.Error("another quality has the same tables")
	}
	var color bytes.Buffer
	if err := jpeg.Encode(&color, image.NewRGBA(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "cut": encoded(t, 80, 1)[:20], "no length": {0xff, 0xd8, 0xff, 0xdb, 0, 0}} {
		if got := Tables(bytes.NewReader(b)); got != "" {
			t.Errorf("%s has tables %s", name, got)
		}
	}
	if TablesMark("") != nil || len(TablesMark(one)) != 1 {
		t.Error("no tables are a mark, or tables are none")
	}
}

func FuzzTables(f *testing.F) {
	f.Add(encoded(f, 80, 1))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xdb, 0, 3, 1, 0xff, 0xd9})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s := Tables(bytes.NewReader(b)); s != "" && len(s) != 64 {
			t.Errorf("tables %q", s)
		}
	})
}
