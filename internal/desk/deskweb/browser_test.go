package deskweb

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/desk"
	"kua/internal/redact"
)

// TestMarkerInABrowser has Chromium mark a real film at a real desk, by mouse,
// keyboard and touch and without a script, one that it does not play by its viewing
// copy, and looks at every page with axe.
// web/test/desk.mjs does it; a browser that is missing is a failure.
func TestMarkerInABrowser(t *testing.T) {
	r := newRoom(t, file{"VID_1.mp4", "video/mp4", film(t)}, file{"IMG_2.MOV", "video/quicktime", film(t, "-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1")},
		file{"piece.mp4", "video/mp4", film(t, "-output_ts_offset", "5", "-movflags", "empty_moov+frag_keyframe+default_base_moof+delay_moov")})
	aigul := r.signedIn("Aigul")
	aigul.post("/en/collect")
	aigul.until("/en/", "Last collection")
	aigul.get("/en/reports/" + r.parcel)
	aigul.post("/en/reports/" + r.parcel + "/open")
	aigul.until("/en/originals/1", "320 × 240")
	aigul.until("/en/originals/2", "320 × 240")
	aigul.until("/en/originals/3", "320 × 240")

	r.browse("desk.mjs")
	d := r.app.hold()
	defer r.app.release()
	plan, _, err := d.Plan(t.Context(), 1)
	check(t, err)
	if err := plan.Validate(); err != nil || len(plan.Tracks) != 4 {
		t.Fatalf("got %d tracks, want 4; %v", len(plan.Tracks), err)
	}
	first := plan.Tracks[0]
	if first.Label != "a face" || first.By != "Aigul" || len(first.Points) != 2 || !first.EndSeen || first.StartSeen || first.To != 600 {
		t.Errorf("the first box that the browser made: %+v", first)
	}
	if plan.Covered || len(plan.Shots) != 2 || plan.Shots[0].Covered || !plan.Shots[1].Covered || plan.Shots[1].By != "Aigul" {
		t.Errorf("the shots that the browser made: %+v", plan.Shots)
	}
	if len(plan.Mutes) != 1 || len(plan.Keeps) != 1 || plan.Keeps[0].Note != "a siren" || plan.Speak != "" || !plan.MuteAll || len(plan.Lines) != 2 ||
		plan.Lines[0].Words["ru"] != "Стой" || plan.Lines[0].Words["en"] != "Stop" || plan.Lines[1].Words["en"] != "And go" {
		t.Errorf("the sound that the browser made: %+v", plan)
	}
}

// browse lets a person go through a script of web/test in Chromium.
func (r *room) browse(script string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 9*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "node", "test/"+script, r.server.URL, "Aigul", passphrase)
	run.Dir = "../../../web"
	if out, err := run.CombinedOutput(); err != nil {
		r.t.Fatalf("node: %v\n%s", err, out)
	}
}

// heads is a PNG with the same head twice, small: NASA's portrait of an
// astronaut, in the public domain.
func heads(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("/usr/local/share/kua-test/astronaut.png")
	if err != nil {
		t.Fatalf("%v: run tools/install.sh test", err)
	}
	defer f.Close()
	head := must(png.Decode(f))
	size := head.Bounds().Size()
	two := image.NewRGBA(image.Rect(0, 0, 2*size.X, size.Y))
	draw.Draw(two, two.Rect, image.White, image.Point{}, draw.Src)
	for _, x := range []int{0, size.X} {
		draw.Draw(two, image.Rect(x, 0, x+size.X, size.Y), head, head.Bounds().Min, draw.Over)
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, two))
	return b.Bytes()
}

// sheets is a PDF of three coloured pages, the second lying.
func sheets() []byte {
	var kids, objects strings.Builder
	for i, box := range []string{"[0 0 595 842]", "[0 0 842 400]", "[0 0 595 842]"} {
		fill := "0.7 0.8 0.9 rg 0 0 900 900 re f"
		fmt.Fprintf(&kids, "%d 0 R ", 10+2*i)
		fmt.Fprintf(&objects, "%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox%s/Contents %d 0 R>>endobj\n%d 0 obj<</Length %d>>stream\n%s\nendstream endobj\n", 10+2*i, box, 11+2*i, 11+2*i, len(fill), fill)
	}
	return fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[%s]/Count 3>>endobj\n%strailer<</Root 1 0 R>>\n", kids.String(), objects.String())
}

// TestPagesInABrowser has Chromium mark a photo and a document, and then looks at
// the files that were made: what lies in the free shape on the photo is black in
// every pixel, and of the pages only what was revealed is seen. web/test/pages.mjs
// does the marking.
func TestPagesInABrowser(t *testing.T) {
	r := newRoom(t, file{"a.png", "image/png", heads(t)}, file{"b.pdf", "application/pdf", sheets()})
	aigul := r.signedIn("Aigul")
	aigul.post("/en/collect")
	aigul.until("/en/", "Last collection")
	aigul.get("/en/reports/" + r.parcel)
	aigul.post("/en/reports/" + r.parcel + "/open")
	aigul.until("/en/originals/1", " × ")
	aigul.until("/en/originals/2", "<dt>Pages</dt><dd>3</dd>")
	aigul.until("/en/work", "Nothing")
	aigul.asksTheMachine(t)
	r.browse("pages.mjs")

	d := r.app.hold()
	defer r.app.release()
	plan, _, err := d.Plan(t.Context(), 1)
	check(t, err)
	n := slices.IndexFunc(plan.Boxes, func(b redact.Box) bool { return len(b.Corners) > 0 })
	if n < 0 {
		t.Fatalf("no free shape among %+v", plan.Boxes)
	}
	for rung, img := range aigul.pictures(t, d, 1) {
		size := img.Bounds().Size()
		inside := 0
		for y := range size.Y {
			for x := range size.X {
				if !deep(plan.Boxes[n].Corners, plan.Width, plan.Height, x, y, size, 4) {
					continue
				}
				inside++
				if r, g, b, _ := img.At(x, y).RGBA(); max(r, g, b)>>8 > 40 {
					t.Fatalf("%s: %d,%d shines through the free shape", rung, x, y)
				}
			}
		}
		if inside < size.X*size.Y/200 {
			t.Errorf("%s: only %d pixels lie in the shape", rung, inside)
		}
	}
	for rung, img := range aigul.pictures(t, d, 2) {
		open, all := 0, 0
		size := img.Bounds().Size()
		for y := 0; y < size.Y; y += 4 {
			for x := 0; x < size.X; x += 4 {
				all++
				if r, _, _, _ := img.At(x, y).RGBA(); r>>8 > 100 {
					open++
				}
			}
		}
		if part := 100 * open / all; part < 3 || part > 30 {
			t.Errorf("%s: %d %% of it is seen", rung, part)
		}
	}
	r.signedIn("Bolat").pagesThrough(t)
}

// pagesThrough has a person look at a document's pages without a script: a page is
// ticked when its picture was opened, and not before.
func (p *person) pagesThrough(t *testing.T) {
	t.Helper()
	unseen := func() int { return strings.Count(p.body, `name="shown"`) }
	p.get("/en/originals/2/mark")
	if unseen() != 3 {
		t.Fatalf("%d of 3 pages are asked about", unseen())
	}
	version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(p.body)[1]
	tick := []string{"version", version, "covered", "open", "shown", "1"}
	p.post("/en/originals/2/mark", tick...)
	if p.sees("was not before you"); p.code != http.StatusConflict || unseen() != 3 {
		t.Errorf("a page that was not opened: %d, %d pages are asked about", p.code, unseen())
	}
	resp := must(p.client.Get(p.server.URL + "/media/view/2/1"))
	resp.Body.Close()
	p.post("/en/originals/2/mark", tick...)
	if p.sees("that you have not looked at: 2"); unseen() != 2 {
		t.Errorf("%d of 2 pages are asked about", unseen())
	}
}

// deep reports whether a pixel of a picture of another size lies in a triangle,
// by so many pixels from its sides.
func deep(corners []redact.Corner, width, height, x, y int, size image.Point, by float64) bool {
	px, py := (float64(x)+.5)*float64(width)/float64(size.X), (float64(y)+.5)*float64(height)/float64(size.Y)
	sign := 0.0
	for i, a := range corners {
		b := corners[(i+1)%len(corners)]
		dx, dy := float64(b.X-a.X), float64(b.Y-a.Y)
		off := (dx*(py-float64(a.Y)) - dy*(px-float64(a.X))) / math.Hypot(dx, dy) * float64(size.X) / float64(width)
		if math.Abs(off) < by || sign*off < 0 {
			return false
		}
		sign = off
	}
	return true
}

// pictures are the JPEG files that were made of an original.
func (p *person) pictures(t *testing.T, d *desk.Desk, original int64) map[string]image.Image {
	t.Helper()
	made, stale, err := d.Derivatives(t.Context(), original)
	check(t, err)
	if stale {
		t.Errorf("original %d was made before its plan", original)
	}
	all := make(map[string]image.Image)
	for _, m := range made {
		if m.Type == "image/jpeg" && !m.Poster {
			resp := must(p.client.Get(fmt.Sprintf("%s/media/derivative/%d", p.server.URL, m.ID)))
			all[m.Rung] = must(jpeg.Decode(resp.Body))
			resp.Body.Close()
		}
	}
	if len(all) < 2 {
		t.Errorf("of original %d were made %+v", original, made)
	}
	return all
}

// asksTheMachine asks in wrong ways for what the marker asks for, and looks at
// the answers: nobody gets anything who may not, and nothing panics.
func (p *person) asksTheMachine(t *testing.T) {
	t.Helper()
	p.get("/en/originals/1/mark")
	token, stranger := p.token, p.room.browser()
	for _, c := range []struct {
		who                       *person
		method, path, token, body string
		code                      int
		says                      string
	}{
		{p, "GET", "/en/originals/1/look", token, "", 404, ""},
		{p, "POST", "/en/originals/1/look", "", "", 403, ""},
		{p, "POST", "/en/originals/1/look", "wrong", "", 403, ""},
		{p, "POST", "/en/originals/99/look", token, "", 404, ""},
		{p, "POST", "/en/originals/x/look", token, "", 404, ""},
		{stranger, "POST", "/en/originals/1/look", token, "", 403, ""},
		{p, "GET", "/en/originals/1/follow", token, "", 404, ""},
		{p, "POST", "/en/originals/1/follow", "", `{}`, 403, ""},
		{p, "POST", "/en/originals/1/follow", token, `{`, 422, ""},
		{p, "POST", "/en/originals/1/follow", token, `{"track":{"id":"t1","w":40,"h":40,"points":[{"x":1,"y":1}]},"at":0}`, 422, "followed"},
		{p, "POST", "/en/originals/99/follow", token, `{"track":{}}`, 404, ""},
		{stranger, "POST", "/en/originals/1/follow", token, `{}`, 403, ""},
		{p, "GET", "/en/originals/2/shown", token, "", 404, ""},
		{p, "POST", "/en/originals/2/shown", "", `{"page":1}`, 403, ""},
		{stranger, "POST", "/en/originals/2/shown", token, `{"page":1}`, 403, ""},
		{p, "POST", "/en/originals/2/shown", token, `{`, 422, ""},
		{p, "POST", "/en/originals/2/shown", token, `{"page":1}`, 409, "was not before you"},
		{p, "POST", "/en/originals/2/shown", token, `{"page":9}`, 404, ""},
		{p, "POST", "/en/originals/1/shown", token, `{"page":1}`, 422, ""},
		{p, "POST", "/en/originals/99/shown", token, `{"page":1}`, 404, ""},
		{stranger, "POST", "/en/originals/1/probe", token, "", 403, ""},
		{p, "GET", "/en/originals/1/machine/999999", token, "", 404, ""},
		{p, "GET", "/en/originals/1/machine/garbage", token, "", 404, ""},
		{p, "DELETE", "/en/originals/1/machine/1", token, "", 404, ""},
		{p, "POST", "/en/originals/1/machine/1", "", "", 403, ""},
		{p, "POST", "/en/originals/1/machine/999999", token, "", 404, ""},
		{stranger, "GET", "/en/originals/1/machine/1", "", "", 200, "Sign in"},
		{p, "GET", "/en/originals/1/hits/1", token, "", 404, ""},
		{p, "POST", "/en/originals/1/hits/1", "", "why=x", 403, ""},
		{p, "POST", "/en/originals/1/hits/1", token, "why=x", 404, ""},
		{p, "POST", "/en/originals/1/hits/garbage", token, "why=x", 404, ""},
		{stranger, "POST", "/en/originals/1/hits/1", token, "why=x", 403, ""},
		{stranger, "GET", "/media/view/1/0", "", "", 403, ""},
		{p, "POST", "/media/view/1/0", token, "", 404, ""},
		{p, "GET", "/media/view/1/1", "", "", 404, ""},
		{p, "GET", "/media/view/2/0", "", "", 404, ""},
		{p, "GET", "/media/view/2/4", "", "", 404, ""},
		{p, "GET", "/media/view/2/garbage", "", "", 404, ""},
		{p, "GET", "/media/view/99/0", "", "", 404, ""},
		{p, "GET", "/media/view/2/-1", "", "", 404, ""},
	} {
		req := must(http.NewRequest(c.method, p.server.URL+c.path, strings.NewReader(c.body)))
		req.Header.Set("Kua-Token", c.token)
		if strings.Contains(c.path, "/hits/") {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp := must(c.who.client.Do(req))
		body := string(must(io.ReadAll(resp.Body)))
		resp.Body.Close()
		if resp.StatusCode != c.code || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: got %d, want %d saying %q: %s", c.method, c.path, resp.StatusCode, c.code, c.says, tags.ReplaceAllString(body, " ")[:min(300, len(tags.ReplaceAllString(body, " ")))])
		}
	}
	// A job of another original is not this one's, and a picture is kept by no browser.
	resp := must(p.client.Get(p.server.URL + "/media/view/2/2"))
	b := must(io.ReadAll(resp.Body))
	resp.Body.Close()
	if img, err := jpeg.Decode(bytes.NewReader(b)); err != nil || img.Bounds().Dx() != redact.PageSide || resp.Header.Get("Cache-Control") != "no-store" ||
		!strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") || resp.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("a page: %v, %v", err, resp.Header)
	}
}
