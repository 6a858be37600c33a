package laneweb

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/web"
)

// TestTellingInABrowser has Chromium tell from a small phone, be steered, change
// its mind, reload, come back with the code, and tell without scripts.
// web/test/lane.mjs is the person.
func TestTellingInABrowser(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/lane.mjs", server.URL)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	all, err := r.lane.List(t.Context(), lane.Filter{Limit: 9})
	if err != nil || len(all) != 2 {
		t.Errorf("two reports were told; kept are %+v, %v", all, err)
	}
}

// takenUpright gives a made-up photo as a phone that is held upright takes it: lying on its side,
// with a line that says so (Exif orientation 6), a red corner that is to be seen at the top right, and as
// much detail at every size as a street has.
func takenUpright(t *testing.T, seed byte) []byte {
	t.Helper()
	const width, height, corner = 2400, 1600, 200
	r := rand.New(rand.NewPCG(uint64(seed), 6))
	grey := make([]float32, width*height)
	for cell, strength := 512, float32(90); cell >= 2; cell, strength = cell/2, strength*0.82 {
		across := width/cell + 2
		points := make([]float32, across*(height/cell+2))
		for i := range points {
			points[i] = strength * (r.Float32() - 0.5)
		}
		for y := range height {
			fy := float32(y%cell) / float32(cell)
			for x := range width {
				at, fx := y/cell*across+x/cell, float32(x%cell)/float32(cell)
				top, below := points[at]+(points[at+1]-points[at])*fx, points[at+across]+(points[at+across+1]-points[at+across])*fx
				grey[y*width+x] += top + (below-top)*fy
			}
		}
	}
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for i, g := range grey {
		img.Y[i] = uint8(min(255, max(0, 128+g)))
	}
	for i := range img.Cb {
		x, y := i%img.CStride, i/img.CStride
		img.Cb[i], img.Cr[i] = uint8(110+x*30/img.CStride), uint8(128+y*20/img.CStride)
		if x < corner/2 && y < corner/2 {
			img.Cb[i], img.Cr[i] = 90, 240
		}
	}
	var b bytes.Buffer
	check(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}))
	turned := "\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	return slices.Concat(b.Bytes()[:2], []byte(turned), b.Bytes()[2:])
}

// TestFromReportToConfirmed has Chromium be all who have to do with one report: a
// citizen who tells it with a photo, somebody with the same trouble, the authority
// on the link that was sent to it, and both again after its answer, until the
// report is confirmed and the scoreboard is read. web/test/journey.mjs is all of them.
func TestFromReportToConfirmed(t *testing.T) {
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t), Now: func() time.Time { return now }}, 0).withCity()
	for i := range 24 {
		r.judged([]lane.Word{lane.SaysMended, "", lane.SaysNot}[i%3], delivered, []lane.Move{mended, refused, mended, mended}[i%4])
	}
	now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	args := []string{"test/journey.mjs"}
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	// What a letter would carry is handed out by another server: the pages' own has no such address.
	sent := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		id, err := strconv.ParseInt(strings.TrimPrefix(q.URL.Path, "/"), 10, 64)
		check(t, err)
		io.WriteString(rw, server.URL+"/ru/open/at/"+r.linkTo(id))
	}))
	defer sent.Close()
	args = append(args, server.URL, sent.URL+"/")
	for i := range byte(4) {
		photo := filepath.Join(t.TempDir(), "photo.jpg")
		taken := lanetest.Photo(t, 400, 300, 50*i)
		if i < 2 {
			taken = takenUpright(t, i)
		}
		check(t, os.WriteFile(photo, taken, 0o600))
		args = append(args, photo)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir = "../../../web"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	t.Logf("%s", out) // what went over the line
}
