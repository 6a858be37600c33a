package media

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/fault"
)

// A document is published as pictures of its pages: whatever else is in the
// file (text under a black box, old revisions, authors, attachments) has no
// way into a picture.
const (
	maxPages    = 200
	pageQuality = 75
	pageTime    = time.Minute // of one page
	pdfCopy     = "/tmp/in.pdf"
)

// Document makes pictures of a document's pages below the directory out: for
// page n the rungs "page-n-jpeg" and "page-n-webp", the longer side PageSide
// pixels. A plan that hides anything names the pages it was made on; a page whose
// picture is another now is the fault media.page_changed. Progress
// counts a page as a second. Nothing appears in out unless every page succeeded,
// the check of its covers included.
func (m *Runner) Document(ctx context.Context, in Input, plan Plan, out string, progress Progress) ([]Rendition, error) {
	if plan.Covered && len(plan.Pages) == 0 {
		return nil, fault.Invalid("media.plan")
	}
	return m.make(ctx, in, Document, plan, out, progress)
}

// PageSide is the longer side of a page's picture, in whose pixels the boxes of
// a document's plan are measured.
const PageSide = photoSide

var pageRung = regexp.MustCompile(`^page-([1-9]\d{0,2})-(jpeg|webp)$`)

func pageProduct(rung string) (product, bool) {
	found := pageRung.FindStringSubmatch(rung)
	if found == nil {
		return product{}, false
	}
	if found[2] == "webp" {
		return product{"page-" + found[1] + ".webp", "image/webp", false}, true
	}
	return product{"page-" + found[1] + ".jpg", "image/jpeg", false}, true
}

// document is the stage in the box.
func (s *stage) document() ([]made, error) {
	sizes, err := s.sizes()
	if err != nil {
		return nil, err
	}
	if len(s.Plan.Pages) > 0 && !slices.EqualFunc(sizes, s.Plan.Pages, func(size image.Point, p Page) bool { return size == p.Size }) {
		return nil, fault.Conflict("media.plan_of_another")
	}
	pages := make([]doneWith, len(sizes))
	err = s.eachPage(sizes, func(ctx context.Context, i int) (err error) {
		if pages[i], err = s.page(ctx, i+1, sizes[i]); i > 0 {
			pages[i].img = nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []made
	for _, p := range pages {
		all = append(all, p.made...)
	}
	if s.Clean != nil {
		return all, nil
	}
	posters, err := s.writePosters(context.Background(), pages[0].img, func(size image.Point) mask { return s.Plan.page(1).hidden(sizes[0], size, 0, true) })
	return append(all, posters...), err
}

// eachPage works on two pages at a time and tells how far it is.
func (s *stage) eachPage(sizes []image.Point, do func(ctx context.Context, i int) error) error {
	done := make(chan struct{}, len(sizes))
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(2)
	for i := range sizes {
		g.Go(func() error {
			if err := do(ctx, i); err != nil {
				return err
			}
			done <- struct{}{}
			s.report(time.Duration(len(done))*time.Second, time.Duration(len(sizes))*time.Second)
			return nil
		})
	}
	return g.Wait()
}

// pages is the stage in the box that measures: every page is made once, as it
// will be made for marking and for publishing.
func (s *stage) pages() ([]Page, error) {
	sizes, err := s.sizes()
	if err != nil {
		return nil, err
	}
	all := make([]Page, len(sizes))
	err = s.eachPage(sizes, func(ctx context.Context, i int) error {
		img, err := s.renderPage(ctx, i+1, sizes[i])
		if err == nil {
			all[i] = Page{sizes[i], pictureHash(img)}
		}
		return err
	})
	return all, err
}

// pictureHash is Page.Picture of a page's picture.
func pictureHash(img *image.RGBA) string {
	size := img.Rect.Size()
	h := sha256.New()
	fmt.Fprintf(h, "P6\n%d %d\n255\n", size.X, size.Y)
	row := make([]byte, 3*size.X)
	for y := range size.Y {
		for x := range size.X {
			copy(row[3*x:], img.Pix[y*img.Stride+4*x:][:3])
		}
		h.Write(row)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sane holds a page to what a measured one can be.
func (p Page) sane() bool {
	sum, err := hex.DecodeString(p.Picture)
	return err == nil && len(sum) == sha256.Size && min(p.Size.X, p.Size.Y) >= 1 && max(p.Size.X, p.Size.Y) <= PageSide
}

// sizes makes the document a PDF in the box's memory, and gives the size of
// each page's picture.
func (s *stage) sizes() ([]image.Point, error) {
	for _, name := range []string{"pdftoppm", "pdfinfo"} {
		if err := haveTool(name); err != nil {
			return nil, err
		}
	}
	if err := s.makePDF(); err != nil {
		return nil, err
	}
	return s.pageSizes()
}

// page is what a plan says of one page of a document, as of a photo.
func (p Plan) page(n int) Plan {
	one := Plan{Covered: p.Covered}
	for _, s := range p.Shapes {
		if s.Page == n {
			one.Shapes = append(one.Shapes, s)
		}
	}
	return one
}

// doneWith is a page that was written.
type doneWith struct {
	made []made
	img  *image.RGBA // of the first page, covered, for the poster
}

// page renders, covers and writes one page.
func (s *stage) page(ctx context.Context, n int, size image.Point) (doneWith, error) {
	img, err := s.renderPage(ctx, n, size)
	if err != nil {
		return doneWith{}, err
	}
	if len(s.Plan.Pages) > 0 && pictureHash(img) != s.Plan.Pages[n-1].Picture {
		return doneWith{}, fault.Conflict("media.page_changed", n)
	}
	plan := s.Plan.page(n)
	plan.hideIn(img, size)
	name := fmt.Sprintf("page-%d-", n)
	all := []still{{name + "jpeg", img}, {name + "webp", img}}
	if s.Clean != nil {
		all = all[:1]
	}
	wrote, err := s.writeAll(ctx, all, pageQuality, plan, size)
	return doneWith{wrote, img}, err
}

var (
	pdfPages = regexp.MustCompile(`(?m)^Pages:\s+(\d{1,9})$`)
	pdfSize  = regexp.MustCompile(`(?m)^Page\s+\d+ size:\s+([0-9.e+]{1,20}) x ([0-9.e+]{1,20}) pts`)
	pdfTurn  = regexp.MustCompile(`(?m)^Page\s+\d+ rot:\s+(\d{1,4})$`)
)

// pageSizes gives the size that each page's picture is to have, and keeps which
// pages lie on their side in the file.
func (s *stage) pageSizes() ([]image.Point, error) {
	said, err := pdfInfo()
	if err != nil {
		return nil, err
	}
	found := pdfPages.FindAllSubmatch(said, -1)
	if found == nil {
		return nil, fault.Invalid("media.document_broken")
	}
	// The document's own words come first, and a title may have lines of its own.
	count, _ := strconv.Atoi(string(found[len(found)-1][1]))
	switch {
	case count == 0:
		return nil, fault.Invalid("media.document_broken")
	case count > maxPages:
		return nil, fault.TooLarge("media.too_many_pages", count, maxPages)
	}
	if said, err = pdfInfo("-f", "1", "-l", strconv.Itoa(count)); err != nil {
		return nil, err
	}
	points, turns := pdfSize.FindAllSubmatch(said, -1), pdfTurn.FindAllSubmatch(said, -1)
	if len(points) != count || len(turns) != count {
		return nil, fault.Invalid("media.document_broken")
	}
	sizes := make([]image.Point, count)
	s.turned = make([]image.Point, count)
	for i := range sizes {
		w, h := hundredths(points[i][1]), hundredths(points[i][2])
		if turns[i][1] != nil && (string(turns[i][1]) == "90" || string(turns[i][1]) == "270") {
			w, h = h, w
			s.turned[i] = image.Pt(w, h)
		}
		// The smaller of pages are made as large, so that letters can be read.
		long := max(w, h)
		sizes[i] = photoSize(image.Pt(max(1, w*PageSide/long), max(1, h*PageSide/long)), PageSide)
	}
	return sizes, nil
}

func hundredths(points []byte) int {
	v, err := strconv.ParseFloat(string(points), 64)
	if err != nil || !(v > 0.01) || v > 1e6 {
		return 1
	}
	return int(v * 100)
}

func pdfInfo(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pageTime)
	defer cancel()
	cmd, said := program(ctx, "pdfinfo", append(args, pdfCopy)...)
	var out bytes.Buffer
	cmd.Stdout = &limitedBuffer{b: &out, max: 1 << 20}
	if err := cmd.Run(); err != nil {
		return nil, pdfFailed(ctx, err, said)
	}
	return out.Bytes(), nil
}

func pdfFailed(ctx context.Context, err error, said *tail) error {
	switch {
	case said.contains("Incorrect password"):
		return fault.Invalid("media.document_locked")
	case ctx.Err() == context.DeadlineExceeded:
		return fault.Invalid("media.too_slow", int(pageTime.Minutes()))
	}
	return toolFailed("media.document_broken", err, said)
}

// renderPage makes one page's picture. However large the page calls itself,
// there are no more pixels than asked for.
func (s *stage) renderPage(ctx context.Context, n int, size image.Point) (*image.RGBA, error) {
	as := s.turned[n-1]
	if as == (image.Point{}) {
		return drawPage(ctx, n, size, size)
	}
	// Poppler measures a page as it lies in the file, and one that it turns it
	// stretches the wrong way: it is drawn in its own proportion, no smaller.
	whole := proportioned(size, as)
	img, err := drawPage(ctx, n, image.Pt(whole.Y, whole.X), whole)
	if err != nil {
		return nil, err
	}
	return shrink(img, size), nil
}

// proportioned gives the smallest size in a page's own proportion that is no smaller
// than size on either side; size itself for a page so narrow that this would be far more.
func proportioned(size, as image.Point) image.Point {
	whole := size
	if size.X*as.Y > size.Y*as.X {
		whole.Y = (size.X*as.Y + as.X - 1) / as.X
	} else {
		whole.X = (size.Y*as.X + as.Y - 1) / as.Y
	}
	if max(whole.X, whole.Y) > PageSide+PageSide/8 {
		return size
	}
	return whole
}

// drawPage has a page drawn at a size as it lies in the file, and wants a picture
// of another where it is turned.
func drawPage(ctx context.Context, n int, lying, size image.Point) (*image.RGBA, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	page := strconv.Itoa(n)
	cmd, said := program(ctx, "pdftoppm", "-cropbox", "-f", page, "-l", page, "-scale-to-x", strconv.Itoa(lying.X), "-scale-to-y", strconv.Itoa(lying.Y), pdfCopy)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fault.Missing("media.missing", "pdftoppm", optional["pdftoppm"]).Because(err)
	}
	img, read := readPPM(out, size)
	if read != nil {
		cancel()
	}
	waited := cmd.Wait()
	if read != nil || waited != nil {
		return nil, pdfFailed(ctx, exitOnly(waited), said)
	}
	return img, nil
}

// readPPM reads a picture of the size that was asked for (netpbm's P6).
func readPPM(r io.Reader, size image.Point) (*image.RGBA, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var w, h, most int
	if _, err := fmt.Fscanf(in, "P6\n%d %d\n%d\n", &w, &h, &most); err != nil {
		return nil, err
	}
	if image.Pt(w, h) != size || most != 255 {
		return nil, fmt.Errorf("a picture of %d × %d where %v was due", w, h, size)
	}
	img := image.NewRGBA(image.Rectangle{Max: size})
	row := make([]byte, 3*w)
	for y := range h {
		if _, err := io.ReadFull(in, row); err != nil {
			return nil, err
		}
		for x := range w {
			copy(img.Pix[y*img.Stride+4*x:], row[3*x:3*x+3])
			img.Pix[y*img.Stride+4*x+3] = 255
		}
	}
	return img, nil
}

// makePDF puts the document as PDF into the box's memory.
func (s *stage) makePDF() error {
	if s.Format == formatPDF {
		return s.copyIn(pdfCopy, s.reader())
	}
	made, err := s.office()
	if err != nil {
		return err
	}
	return os.Rename(made, pdfCopy)
}
