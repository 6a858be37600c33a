package nodeweb

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"image"
	_ "image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kua/internal/canary"
	"kua/internal/canon"
	"kua/internal/parcel"
	"kua/internal/receipt"
	"kua/internal/seal"
)

// TestWitnessInABrowser has Chromium report a film from a small phone, over a
// link that breaks, after a reload, without a place to keep it, and without
// sending; then it opens at the desk what arrived, answers, and has the browser
// read the answer. web/test/witness.mjs is the person.
func TestWitnessInABrowser(t *testing.T) {
	r := newRoom(t)
	dir := t.TempDir()
	film := make([]byte, 5<<20+4321)
	rand.Read(film)
	photo := []byte("\xff\xd8\xff not really a photo")
	for name, b := range map[string][]byte{"film.mp4": film, "Фото 1.jpg": photo, "wrong.txt": []byte("wrong")} {
		check(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	planted := plantFiles(t, dir)
	run(t, "report", r.server.URL, dir)

	var receipts map[string]string
	text, err := os.ReadFile(filepath.Join(dir, "receipts.json"))
	check(t, err)
	check(t, json.Unmarshal(text, &receipts))
	got := r.collect()
	saved, err := os.Open(filepath.Join(dir, "saved.kua"))
	check(t, err)
	defer saved.Close()
	bag := r.open(saved)
	got[bag.Report.Text] = bag

	for name, want := range map[string]struct {
		text  string
		files int
	}{"film": {"kanarejka-words: an inspector asked for money.\nHe had no badge.", 2}, "reload": {"kanarejka-reload", 1}, "saved": {"kanarejka-saved", 0}, "unkept": {"kanarejka-unkept", 0}} {
		b := got[want.text]
		if b == nil {
			t.Fatalf("the report %s did not arrive", name)
		}
		rc, err := receipt.Parse(receipts[name])
		check(t, err)
		keys, err := rc.Derive()
		check(t, err)
		if b.Report.Mailbox != keys.Mailbox || b.Report.Reply != keys.ReplyRecipient || len(b.Report.Files) != want.files {
			t.Errorf("the report %s does not fit its receipt, or lacks files: %+v", name, b.Report.Files)
		}
	}
	checkLooked(t, got["kanarejka-looked"], planted)
	r.checkFilm(got["kanarejka-words: an inspector asked for money.\nHe had no badge."].Bag, film, photo)

	rc, err := receipt.Parse(receipts["film"])
	check(t, err)
	keys, err := rc.Derive()
	check(t, err)
	answer := "Біз фильмді көрдік.\nWe have seen the film."
	sealed, err := seal.Reply([]byte(answer), keys.ReplyRecipient)
	check(t, err)
	check(t, r.client().PutReply(t.Context(), receipt.Prefix(keys.Mailbox), sealed))
	run(t, "replies", r.server.URL, receipts["film"], answer)
}

// plantFiles writes the files that the person looks at. turned.jpg lies on its side.
func plantFiles(t *testing.T, dir string) map[string][]canary.Place {
	t.Helper()
	planted := make(map[string][]canary.Place)
	tool := func(args ...string) {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	for _, name := range []string{"told.jpg", "told.png", "told.webp", "told.mp4"} {
		file := filepath.Join(dir, name)
		args := []string{"ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=128x96:d=1", "-pix_fmt", "yuv420p", "-preset", "ultrafast"}
		if name != "told.mp4" {
			args = []string{"ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=128x96", "-frames:v", "1"}
		}
		if name == "told.webp" {
			args = append(args, "-pix_fmt", "yuv420p")
		}
		tool(append(args, file)...)
		if name == "told.jpg" {
			tool("exiftool", "-q", "-overwrite_original", "-GPSLatitude=42.5", "-GPSLatitudeRef=N", "-GPSLongitude=74.25", "-GPSLongitudeRef=E", file)
		}
		base, err := os.ReadFile(file)
		check(t, err)
		told, places, err := canary.Plant(canary.FormatOf(name), base)
		check(t, err)
		planted[name] = places
		check(t, os.WriteFile(file, told, 0o600))
		switch name {
		case "told.jpg":
			check(t, os.WriteFile(filepath.Join(dir, "back.jpg"), told, 0o600))
			check(t, os.WriteFile(filepath.Join(dir, "turned.jpg"), base, 0o600))
			tool("exiftool", "-q", "-overwrite_original", "-Orientation#=6", filepath.Join(dir, "turned.jpg"))
		case "told.mp4":
			check(t, os.WriteFile(filepath.Join(dir, "cut.mp4"), base[:len(base)-50], 0o600))
		}
	}
	return planted
}

// checkLooked holds what arrived against what the person had taken out.
func checkLooked(t *testing.T, bag *opened, planted map[string][]canary.Place) {
	t.Helper()
	if bag == nil {
		t.Fatal("the report with what was taken out did not arrive")
	}
	want := []parcel.ReportFile{
		{Path: "data/files/1.jpg", Name: "told.jpg", Type: "image/jpeg", Cleaned: true},
		{Path: "data/files/2.png", Name: "file-2.png", Type: "image/png", Cleaned: true},
		{Path: "data/files/3.jpg", Name: "told.jpg", Type: "image/jpeg", Cleaned: true},
		{Path: "data/files/4.mp4", Name: "told.mp4", Type: "video/mp4", Cleaned: true},
		{Path: "data/files/5.jpg", Name: "back.jpg", Type: "image/jpeg"},
		{Path: "data/files/6.txt", Name: "wrong.txt", Type: "text/plain"},
		{Path: "data/files/7.mp4", Name: "cut.mp4", Type: "video/mp4"},
		{Path: "data/files/8.jpg", Name: "turned.jpg", Type: "image/jpeg", Cleaned: true},
	}
	if diff := cmp.Diff(want, bag.Report.Files, cmpopts.IgnoreFields(parcel.ReportFile{}, "Size")); diff != "" {
		t.Errorf("the files that arrived (-want +got):\n%s", diff)
	}
	for i, name := range []string{"told.jpg", "told.png", "told.webp", "told.mp4", "told.jpg"} {
		b := bag.file(i)
		found := canary.In(b, planted[name])
		switch {
		case i == 4 && len(found) == 0:
			t.Error("the original that was put back tells nothing")
		case i == 3 && (len(found) != 1 || found[0].Name != "h264-sei"), i < 3 && len(found) > 0:
			t.Errorf("%s still tells %+v", name, found)
		}
	}
	shape, _, err := image.DecodeConfig(bytes.NewReader(bag.file(7)))
	if check(t, err); shape.Width != 96 || shape.Height != 128 {
		t.Errorf("the photo that lay on its side is %d × %d", shape.Width, shape.Height)
	}
}

// run starts the person with arguments.
func run(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{"test/witness.mjs"}, args...)...)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
}

// collect fetches every parcel as a desk does and opens it, by the report's text.
func (r *room) collect() map[string]*opened {
	r.t.Helper()
	c, ctx := r.client(), r.t.Context()
	list, err := c.Parcels(ctx)
	check(r.t, err)
	bags := make(map[string]*opened)
	for _, p := range list {
		index, err := c.Index(ctx, p.ID)
		check(r.t, err)
		var sealed bytes.Buffer
		for _, hash := range index.Pieces {
			piece, err := c.Piece(ctx, hash)
			check(r.t, err)
			sealed.Write(piece)
		}
		bag := r.open(&sealed)
		bags[bag.Report.Text] = bag
	}
	return bags
}

// opened is a bag with its plaintext.
type opened struct {
	*parcel.Bag
	plain []byte
}

// file gives the bytes of an attachment.
func (o *opened) file(i int) []byte {
	e := o.Entries[i+1]
	return o.plain[e.Offset : e.Offset+e.Size]
}

func (r *room) open(sealed io.Reader) *opened {
	r.t.Helper()
	in, err := r.person.Open(sealed)
	check(r.t, err)
	plain, err := io.ReadAll(in)
	check(r.t, err)
	bag, err := parcel.ReadBag(bytes.NewReader(plain), parcel.Limits{})
	check(r.t, err)
	return &opened{bag, plain}
}

// checkFilm holds the first report against what the person filled in.
func (r *room) checkFilm(bag *parcel.Bag, film, photo []byte) {
	r.t.Helper()
	got := bag.Report
	want := parcel.Report{
		Kind: parcel.ReportKind, What: "bribe", Text: got.Text, When: "on Friday evening", Where: "the post at the bridge",
		Point: &parcel.Point{Lat: 43.2389, Lon: 76.8897}, Consent: parcel.Consent{Voice: true}, Fear: "my plate number", Language: "en",
		Reply: got.Reply, Mailbox: got.Mailbox, Blind: got.Blind, Written: got.Written,
		Files: []parcel.ReportFile{
			{Path: "data/files/1.mp4", Name: "film.mp4", Type: "video/mp4", Size: int64(len(film))},
			{Path: "data/files/2.jpg", Name: "Фото 1.jpg", Type: "image/jpeg", Size: int64(len(photo))},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("the report that arrived (-want +got):\n%s", diff)
	}
	for i, b := range [][]byte{film, photo} {
		if bag.Entries[i+1].SHA256 != canon.Hash(b) {
			r.t.Errorf("attachment %d is not what was chosen", i+1)
		}
	}
}
