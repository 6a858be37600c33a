package parcel_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// entry is one entry of a hand-made tar.
type entry struct {
	name string // below parcel/ unless it begins with !
	data string
	kind byte // 0 means a plain file
	link string
	pax  map[string]string
}

const (
	bagit  = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
	report = `{"consent":{"face":false,"place":false,"voice":false},` +
		`"files":[{"name":"a.txt","path":"data/files/1.txt","size":5,"type":"text/plain"}],` +
		`"kind":"kua report","language":"ru","text":"Слова.","what":"bribe","written":"2026-11-21"}`
)

// goodBag gives the entries of a valid bag in the order sealers write them:
// report, file, bagit.txt, bag-info.txt, manifest, tag manifest.
func goodBag() []entry {
	return bagOf([]entry{{name: "data/report.json", data: report}, {name: "data/files/1.txt", data: "hello"}})
}

// bagOf adds true tag files to a payload.
func bagOf(payload []entry) []entry {
	var manifest strings.Builder
	n := 0
	for _, e := range payload {
		fmt.Fprintf(&manifest, "%s  %s\n", canon.Hash([]byte(e.data)), e.name)
		n += len(e.data)
	}
	return withTags(payload, bagit, fmt.Sprintf("Payload-Oxum: %d.%d\n", n, len(payload)), manifest.String())
}

func withTags(payload []entry, bagit, info, manifest string) []entry {
	tags := fmt.Sprintf("%s  bagit.txt\n%s  bag-info.txt\n%s  manifest-sha256.txt\n",
		canon.Hash([]byte(bagit)), canon.Hash([]byte(info)), canon.Hash([]byte(manifest)))
	return append(payload[:len(payload):len(payload)],
		entry{name: "bagit.txt", data: bagit}, entry{name: "bag-info.txt", data: info},
		entry{name: "manifest-sha256.txt", data: manifest}, entry{name: "tagmanifest-sha256.txt", data: tags})
}

func makeTar(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: "parcel/" + e.name, Typeflag: tar.TypeReg, Size: int64(len(e.data)), Mode: 0o644, Linkname: e.link, PAXRecords: e.pax}
		if name, ok := strings.CutPrefix(e.name, "!"); ok {
			h.Name = name
		}
		if e.kind != 0 {
			h.Typeflag = e.kind
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readBag(plain []byte) (*parcel.Bag, error) {
	return parcel.ReadBag(bytes.NewReader(plain), parcel.Limits{})
}

func TestReadBagTakes(t *testing.T) {
	payload := []entry{{name: "data/report.json", data: report}, {name: "data/files/1.txt", data: "hello"}}
	hash := func(s string) string { return canon.Hash([]byte(s)) }
	manifest := hash(report) + "  data/report.json\n" + hash("hello") + "  data/files/1.txt\n"
	info := fmt.Sprintf("Payload-Oxum: %d.2\n", len(report)+5)
	odd := strings.ReplaceAll(report, "data/files/1.txt", "data/100% й.txt")
	oddManifest := func(name string) string {
		return hash(odd) + "  data/report.json\n" + hash("hello") + "  " + name + "\n"
	}
	oddPayload := []entry{{name: "data/report.json", data: odd}, {name: "data/100% й.txt", data: "hello"}}
	oddInfo := fmt.Sprintf("Payload-Oxum: %d.2\n", len(odd)+5)
	for name, entries := range map[string][]entry{
		"what sealers write": goodBag(),
		"directories of ordinary tar": append([]entry{{name: "", kind: tar.TypeDir}, {name: "data/", kind: tar.TypeDir}},
			append(goodBag()[:1], append([]entry{{name: "data/files/", kind: tar.TypeDir}}, goodBag()[1:]...)...)...),
		"tag files before the attachments": append(append(goodBag()[:1], goodBag()[2:]...), goodBag()[1]),
		"carriage returns":                 withTags(payload, strings.ReplaceAll(bagit, "\n", "\r\n"), info, strings.ReplaceAll(manifest, "\n", "\r\n")),
		"lines ended by CR":                withTags(payload, strings.ReplaceAll(bagit, "\n", "\r"), info, strings.ReplaceAll(manifest, "\n", "\r")),
		"no last line end":                 withTags(payload, strings.TrimSpace(bagit), info, strings.TrimSpace(manifest)),
		"one space, a tab, capitals":       withTags(payload, bagit, info, strings.ReplaceAll(strings.ToUpper(hash(report))+" data/report.json\n"+hash("hello")+"\tdata/files/1.txt\n", "\r", "")),
		"marks of checksum programs":       withTags(payload, bagit, info, hash(report)+" *data/report.json\n"+hash("hello")+"  ./data/files/1.txt\n"),
		"other lines in bag-info":          withTags(payload, bagit, "Source-Organization: x\n "+"continued\n"+info, manifest),
		"a percent sign, encoded":          withTags(oddPayload, bagit, oddInfo, oddManifest("data/100%25 й.txt")),
		"a percent sign, bare":             withTags(oddPayload, bagit, oddInfo, oddManifest("data/100% й.txt")),
		"the manifest in decomposed form":  withTags(oddPayload, bagit, oddInfo, oddManifest("data/100%25 и\u0306.txt")),
		"a modification time":              append(goodBag()[:1:1], append([]entry{{name: "data/files/1.txt", data: "hello", pax: map[string]string{"mtime": "1350244992.023960108"}}}, goodBag()[2:]...)...),
	} {
		t.Run(name, func(t *testing.T) {
			plain := makeTar(t, entries)
			bag, err := readBag(plain)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range bag.Entries {
				if got := canon.Hash(plain[e.Offset : e.Offset+e.Size]); got != e.SHA256 {
					t.Errorf("%s at %d hashes to %s, want %s", e.Path, e.Offset, got, e.SHA256)
				}
			}
			if got, err := parcel.ReadReport(bytes.NewReader(plain)); err != nil || got.Text != bag.Report.Text {
				t.Errorf("ReadReport = %+v, %v", got, err)
			}
		})
	}
}

func TestReadBagRefuses(t *testing.T) {
	hash := func(s string) string { return canon.Hash([]byte(s)) }
	payload := []entry{{name: "data/report.json", data: report}, {name: "data/files/1.txt", data: "hello"}}
	manifest := hash(report) + "  data/report.json\n" + hash("hello") + "  data/files/1.txt\n"
	info := fmt.Sprintf("Payload-Oxum: %d.2\n", len(report)+5)
	with := func(extra ...entry) []entry { return append(goodBag(), extra...) }
	replace := func(i int, e entry) []entry { b := goodBag(); b[i] = e; return b }
	without := func(i int) []entry { b := goodBag(); return append(b[:i], b[i+1:]...) }
	tags := func(bagit, info, manifest string) []entry { return withTags(payload, bagit, info, manifest) }
	file := func(path string) []entry { return with(entry{name: path, data: "x"}) }
	for _, c := range []struct {
		name    string
		entries []entry
		key     string
	}{
		{"a path that climbs", file("../x"), "parcel.path"},
		{"a path that climbs inside", file("data/../../x"), "parcel.path"},
		{"an absolute path", with(entry{name: "!/etc/passwd", data: "x"}), "parcel.path"},
		{"another top directory", with(entry{name: "!other/x", data: "x"}), "parcel.path"},
		{"no top directory", with(entry{name: "!data/x", data: "x"}), "parcel.path"},
		{"a home directory", file("data/~root/x"), "parcel.path"},
		{"an empty part", file("data//x"), "parcel.path"},
		{"a dot part", file("data/./x"), "parcel.path"},
		{"a backslash", file(`data/..\x`), "parcel.path"},
		{"a drive letter", file("data/c:x"), "parcel.path"},
		{"a line end in a path", file("data/a\nb"), "parcel.path"},
		{"a path that is not UTF-8", file("data/\xff"), "parcel.path"},
		{"a very long path", file("data/" + strings.Repeat("x", 1100)), "parcel.path"},
		{"a directory that climbs", with(entry{name: "data/../../x/", kind: tar.TypeDir}), "parcel.path"},
		{"a symbolic link", with(entry{name: "data/l", kind: tar.TypeSymlink, link: "/etc/passwd"}), "parcel.entry_kind"},
		{"a hard link", with(entry{name: "data/l", kind: tar.TypeLink, link: "parcel/bagit.txt"}), "parcel.entry_kind"},
		{"a device", with(entry{name: "data/d", kind: tar.TypeChar}), "parcel.entry_kind"},
		{"a pipe", with(entry{name: "data/p", kind: tar.TypeFifo}), "parcel.entry_kind"},
		{"a file twice", file("data/files/1.txt"), "parcel.twice"},
		{"a tag file twice", file("bagit.txt"), "parcel.twice"},
		{"two files that differ in case", file("data/files/1.TXT"), "parcel.twice"},
		{"a file that is not listed", file("data/files/2.txt"), "parcel.extra_file"},
		{"a tag file that is not listed", file("notes.txt"), "parcel.extra_file"},
		{"a fetch file", file("fetch.txt"), "parcel.extra_file"},
		{"another manifest", file("manifest-md5.txt"), "parcel.extra_file"},
		{"no report", goodBag()[1:], "parcel.no_report"},
		{"a report that is not first", append([]entry{goodBag()[1]}, without(1)...), "parcel.no_report"},
		{"nothing at all", nil, "parcel.no_report"},
		{"an oversized report", bagOf([]entry{{name: "data/report.json", data: strings.Repeat(" ", parcel.MaxReport+1)}}), "parcel.report_too_large"},
		{"a report that is none", bagOf([]entry{{name: "data/report.json", data: "{}"}}), "parcel.not_a_report"},
		{"an exchanged file", replace(1, entry{name: "data/files/1.txt", data: "hallo"}), "parcel.damaged"},
		{"an exchanged tag file", replace(2, entry{name: "bagit.txt", data: strings.TrimSpace(bagit)}), "parcel.damaged"},
		{"a missing file", without(1), "parcel.missing_file"},
		{"no bagit.txt", without(2), "parcel.tag_file"},
		{"no bag-info.txt though listed", without(3), "parcel.missing_file"},
		{"no manifest", without(4), "parcel.tag_file"},
		{"no tag manifest", without(5), "parcel.tag_file"},
		{"a byte order mark", tags("\uFEFF"+bagit, info, manifest), "parcel.tag_file"},
		{"a space before the colon", tags(strings.Replace(bagit, "Version:", "Version :", 1), info, manifest), "parcel.tag_file"},
		{"an older version", tags(strings.Replace(bagit, "1.0", "0.97", 1), info, manifest), "parcel.tag_file"},
		{"another encoding", tags(strings.Replace(bagit, "UTF-8", "UTF-16", 1), info, manifest), "parcel.tag_file"},
		{"a wrong Payload-Oxum", tags(bagit, "Payload-Oxum: 1.2\n", manifest), "parcel.tag_file"},
		{"a byte order mark in the manifest", tags(bagit, info, "\uFEFF"+manifest), "parcel.tag_file"},
		{"a short hash", tags(bagit, info, manifest[1:]), "parcel.tag_file"},
		{"an empty manifest", tags(bagit, info, ""), "parcel.tag_file"},
		{"a file listed twice", tags(bagit, info, manifest+manifest), "parcel.twice"},
		{"a file listed in two cases", tags(bagit, info, manifest+strings.ReplaceAll(manifest, "report", "REPORT")), "parcel.twice"},
		{"a listed path that climbs", tags(bagit, info, manifest+hash("x")+"  data/../../x\n"), "parcel.path"},
		{"a listed path with an encoded line end", tags(bagit, info, manifest+hash("x")+"  data/a%0Ab\n"), "parcel.path"},
		{"an escape that is not one of three", tags(bagit, info, strings.Replace(manifest, "1.txt", "%31.txt", 1)), "parcel.extra_file"},
		{"a listed file that is not there", tags(bagit, info, manifest+hash("x")+"  data/x\n"), "parcel.missing_file"},
		{"a listed tag file that is not there", replace(5, entry{name: "tagmanifest-sha256.txt", data: goodBag()[5].data + hash("x") + "  x.txt\n"}), "parcel.missing_file"},
		{"a file that the report does not name", bagOf(append(payload[:2:2], entry{name: "data/y", data: "y"})), "parcel.files_differ"},
		{"a file with another size than in the report", bagOf([]entry{payload[0], {name: "data/files/1.txt", data: "hello!"}}), "parcel.files_differ"},
		{"a file that only the report names", bagOf(payload[:1]), "parcel.missing_file"},
		{"an oversized manifest", tags(bagit, info, strings.Repeat(manifest, 10000)), "parcel.tag_file_too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readBag(makeTar(t, c.entries))
			if !errors.Is(err, fault.Invalid(c.key)) {
				t.Errorf("ReadBag = %v, want %s", err, c.key)
			}
		})
	}
}

func TestReadBagRefusesBytes(t *testing.T) {
	good := makeTar(t, goodBag())
	change := func(at int, b byte) []byte { c := bytes.Clone(good); c[at] = b; return c }
	for _, c := range []struct {
		name  string
		plain []byte
		key   string
	}{
		{"nothing", nil, "parcel.no_report"},
		{"no tar", bytes.Repeat([]byte("no tar "), 1000), "parcel.not_a_tar"},
		{"a damaged header", change(10, 'X'), "parcel.not_a_tar"},
		{"something in the padding", append(bytes.Clone(good), append(make([]byte, 700), 1)...), "parcel.trailing"},
		{"a second tar behind", append(bytes.Clone(good), good...), "parcel.trailing"},
		{"no end blocks", good[:len(good)-1024], "parcel.truncated"},
		{"one end block", good[:len(good)-512], "parcel.truncated"},
		{"half an entry", good[:len(report)+512+100], "parcel.truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := readBag(c.plain); !errors.Is(err, fault.Invalid(c.key)) {
				t.Errorf("ReadBag = %v, want %s", err, c.key)
			}
		})
	}
	for cut := range len(good) {
		if _, err := readBag(good[:cut]); err == nil {
			t.Fatalf("ReadBag takes the first %d of %d bytes", cut, len(good))
		}
	}
}

// TestReadBagSparse hands over the entries whose few bytes stand for a terabyte.
func TestReadBagSparse(t *testing.T) {
	sparse := makeTar(t, goodBag())
	// An old GNU sparse header: type S, its own magic, a real size in octal.
	h := make([]byte, 512)
	copy(h, "parcel/data/bomb")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	copy(h[483:], "77777777777\x00")
	sum := 8 * int(' ')
	for i, b := range h {
		if i < 148 || i >= 156 {
			sum += int(b)
		}
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	old := append(append(bytes.Clone(sparse[:len(sparse)-1024]), h...), make([]byte, 1024)...)
	if _, err := readBag(old); !errors.Is(err, fault.Invalid("parcel.entry_kind")) {
		t.Errorf("old GNU sparse: ReadBag = %v, want parcel.entry_kind", err)
	}
	// PAX sparse 0.1; the writer of archive/tar refuses to make it, so by hand.
	records := ""
	for _, kv := range []string{"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.name=parcel/data/bomb", "GNU.sparse.size=1099511627776", "GNU.sparse.numblocks=1", "GNU.sparse.map=0,0"} {
		n := len(kv) + 3
		for len(fmt.Sprint(n))+len(kv)+2 != n {
			n++
		}
		records += fmt.Sprintf("%d %s\n", n, kv)
	}
	pax := makeTar(t, append(goodBag(), entry{name: "pax", data: records}, entry{name: "data/bomb"}))
	at := bytes.Index(pax, []byte("parcel/pax"))
	sum = 0
	pax[at+156] = 'x'
	copy(pax[at+148:at+156], "        ")
	for _, b := range pax[at : at+512] {
		sum += int(b)
	}
	copy(pax[at+148:], fmt.Sprintf("%06o\x00 ", sum))
	if _, err := readBag(pax); !errors.Is(err, fault.Invalid("parcel.entry_kind")) {
		t.Errorf("PAX sparse: ReadBag = %v, want parcel.entry_kind", err)
	}
}

func TestReadBagLimits(t *testing.T) {
	good := makeTar(t, goodBag())
	_, err := parcel.ReadBag(bytes.NewReader(good), parcel.Limits{Entries: 5})
	if !errors.Is(err, fault.Invalid("parcel.too_many_entries")) {
		t.Errorf("Entries: ReadBag = %v, want parcel.too_many_entries", err)
	}
	_, err = parcel.ReadBag(bytes.NewReader(good), parcel.Limits{Bytes: int64(len(good)) - 1})
	if !errors.Is(err, fault.Invalid("parcel.too_large")) {
		t.Errorf("Bytes: ReadBag = %v, want parcel.too_large", err)
	}
	many := goodBag()
	for i := range 1000 {
		many = append(many, entry{name: fmt.Sprintf("d%d/", i), kind: tar.TypeDir})
	}
	if _, err := readBag(makeTar(t, many)); !errors.Is(err, fault.Invalid("parcel.too_many_entries")) {
		t.Errorf("directories: ReadBag = %v, want parcel.too_many_entries", err)
	}
}

// TestReadBagPassesErrors keeps the stream's own error, so that a broken disk is
// not blamed on the witness.
func TestReadBagPassesErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	good := makeTar(t, goodBag())
	for _, n := range []int{0, 100, 600, len(good) - 600, len(good)} {
		r := io.MultiReader(bytes.NewReader(good[:n]), iotest.ErrReader(broken))
		if _, err := parcel.ReadBag(r, parcel.Limits{}); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: ReadBag = %v, want %v", n, err, broken)
		}
	}
	if _, err := parcel.ReadBag(iotest.OneByteReader(bytes.NewReader(good)), parcel.Limits{}); err != nil {
		t.Errorf("byte by byte: ReadBag = %v", err)
	}
}

// TestReadReportNeedsNoMore reads the report from the first piece alone.
func TestReadReportNeedsNoMore(t *testing.T) {
	good := makeTar(t, goodBag())
	r := io.MultiReader(bytes.NewReader(good[:512+len(report)]), iotest.ErrReader(errors.New("the rest is not here yet")))
	got, err := parcel.ReadReport(r)
	if err != nil || got.Text != "Слова." {
		t.Errorf("ReadReport = %+v, %v", got, err)
	}
	if _, err := parcel.ReadReport(bytes.NewReader(good[:600])); !errors.Is(err, fault.Invalid("parcel.truncated")) {
		t.Errorf("ReadReport of a cut report = %v, want parcel.truncated", err)
	}
}
