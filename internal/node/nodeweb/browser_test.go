package nodeweb

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	r.checkFilm(got["kanarejka-words: an inspector asked for money.\nHe had no badge."], film, photo)

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
func (r *room) collect() map[string]*parcel.Bag {
	r.t.Helper()
	c, ctx := r.client(), r.t.Context()
	list, err := c.Parcels(ctx)
	check(r.t, err)
	bags := make(map[string]*parcel.Bag)
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

func (r *room) open(sealed io.Reader) *parcel.Bag {
	r.t.Helper()
	plain, err := r.person.Open(sealed)
	check(r.t, err)
	bag, err := parcel.ReadBag(plain, parcel.Limits{})
	check(r.t, err)
	return bag
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
