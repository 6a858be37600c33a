package laneweb

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/web"
)

// use uses up so many of the hour's reports.
func (r *room) use(n int) {
	r.t.Helper()
	for range n {
		if _, err := r.web.budget.take(); err != nil {
			r.t.Fatal(err)
		}
	}
}

var (
	challenge = regexp.MustCompile(`name="proof" value="([^"]+)"`)
	workBits  = regexp.MustCompile(`data-bits="(\d+)"`)
)

// worked does the work that a page asks for, as its script does.
func worked(t *testing.T, page string, f url.Values) url.Values {
	t.Helper()
	asked, zeros := challenge.FindStringSubmatch(page), workBits.FindStringSubmatch(page)
	if asked == nil || zeros == nil {
		t.Fatalf("no work is asked for:\n%s", page)
	}
	want, err := strconv.Atoi(zeros[1])
	check(t, err)
	var numbers []string
	for i := range lane.WorkParts {
		n := 0
		for ; ; n++ {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s.%d.%d", asked[1], i, n))
			if bits.LeadingZeros32(binary.BigEndian.Uint32(sum[:])) >= want {
				break
			}
		}
		numbers = append(numbers, strconv.Itoa(n))
	}
	f.Set(proofField, asked[1])
	f.Set(workField, strings.Join(numbers, "."))
	return f
}

// TestWorkUnderLoad: nothing is asked while there is room. Under load a report
// without work waits for a checker, one with work goes its way, and none is lost;
// and whoever does no work cannot use up what is kept for those who do.
func TestWorkUnderLoad(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "", "postgres": lanetest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			const perHour = 24
			r := newRoom(t, lane.Config{Dir: t.TempDir(), URL: database}, perHour).withCity()
			f := draft()
			if page := r.want("POST", "/en/open/review/manhole", f, 200); strings.Contains(page, "proof") || strings.Contains(page, "lane-work") {
				t.Errorf("work is asked for without load:\n%s", page)
			}
			r.use(perHour/2 + 1)

			// The page of this form was made before there was load.
			again := r.want("POST", "/en/open/send/manhole", f, 409, "Meanwhile many reports are arriving", f.Get("words"))
			if all, err := r.lane.List(t.Context(), lane.Filter{Limit: 9}); err != nil || len(all) != 0 {
				t.Fatalf("kept before it was sent once more: %+v, %v", all, err)
			}
			done := worked(t, again, f)
			spoilt := url.Values{}
			for name, values := range done {
				spoilt[name] = values
			}
			spoilt.Set("code", lane.NewCode())
			r.want("POST", "/en/open/send/manhole", spoilt, 409, "not what was asked for")
			id := r.tell("manhole", done)
			r.want("GET", "/en/open/case/"+id, nil, 200, f.Get("words"))
			if twice := r.tell("manhole", done); twice != id {
				t.Errorf("the same work made report %s and then %s", id, twice)
			}

			// Without a script: the page says what becomes of it, and so it does.
			bare := draft()
			page := r.want("POST", "/en/open/review/manhole", bare, 200, "Many reports are arriving just now", "your report is not lost")
			bare.Set(proofField, challenge.FindStringSubmatch(page)[1])
			page = r.want("POST", "/en/open/send/manhole", bare, 200, "It is sent", "without the arithmetic that browsers were asked for")
			held := caseLink.FindStringSubmatch(page)[1]
			if page := r.want("GET", "/en/open/case/"+held, nil, 200); strings.Contains(page, bare.Get("words")) {
				t.Error("a report without work is shown before it was looked at")
			}
			r.want("GET", "/en/open/moderation", nil, 200, "without the arithmetic")

			taken := 1
			for range perHour {
				flood := draft()
				flood.Set(proofField, "made up")
				resp, page := r.do("POST", "/en/open/send/manhole", flood)
				if resp.StatusCode == http.StatusOK {
					taken++
				} else if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
					t.Fatalf("beyond what is spared: %d\n%s", resp.StatusCode, page)
				}
			}
			if taken < perHour/spareShare || taken > perHour/spareShare+1 { // one more when the minute ends meanwhile
				t.Errorf("%d reports without work are taken, want %d", taken, perHour/spareShare)
			}
			if resp, _ := r.do("POST", "/en/open/same/"+id, url.Values{"code": {lane.NewCode()}}); resp.StatusCode == 503 {
				t.Error("a flood of reports keeps out whoever has the same trouble")
			}
			late := draft()
			r.tell("manhole", worked(t, r.want("POST", "/en/open/review/manhole", late, 200), late))
		})
	}
}

// TestWorkInABrowser has Chromium do the work while a small phone shows the
// page, be sent when it is done, and send without it, with and without scripts.
// web/test/work.mjs is the person.
func TestWorkInABrowser(t *testing.T) {
	const perHour = 48
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, perHour).withCity()
	r.use(perHour/2 + 1)
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/work.mjs", server.URL)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	held := map[int64]bool{}
	all, err := r.lane.Queue(t.Context(), false, 0, 9)
	check(t, err)
	for _, q := range all {
		held[q.Request.ID] = len(q.Hold.Causes) == 1 && q.Hold.Causes[0].Rule == lane.ByLoad
	}
	if len(held) != 2 || !held[2] || !held[3] {
		t.Errorf("the first of three was sent with its work; what waits is %+v", all)
	}
}
