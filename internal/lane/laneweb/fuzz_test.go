package laneweb

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
)

// FuzzForm: whatever is posted gives a draft or a fault, a point that is taken
// is one on the earth, and a code is the same in either alphabet.
func FuzzForm(f *testing.F) {
	f.Add("code=0123-4567-89ab-cdef&point=45.05,65.15&words=x&q.cover=gone&q.cover=broken")
	f.Add("code=%D0%B1&point=NaN+NaN&words=%ff%00")
	category := authority.Category{ID: "manhole", Questions: []authority.Question{{ID: "cover", Kind: authority.Some}}}
	f.Fuzz(func(t *testing.T, posted string) {
		form, err := url.ParseQuery(posted)
		if err != nil {
			return
		}
		d, err := readDraft(form, category, "en", authority.NewRouter(authority.Directory{}))
		if err != nil {
			return
		}
		if d.At != nil && (d.At.Lat > 90_000_000 || d.At.Lat < -90_000_000 || d.At.Lon > 180_000_000 || d.At.Lon < -180_000_000 || d.Area != "") {
			t.Errorf("%q gives the point %v in the area %q", posted, d.At, d.Area)
		}
		latin := strings.ToLower(d.Code)
		if strings.Trim(latin, "0123456789abcdefghjkmnpqrstvwxyz-") == "" && lane.CheckCode(lane.CyrillicCode(latin)) != nil {
			t.Errorf("%q is a code, %q is none", d.Code, lane.CyrillicCode(latin))
		}
		if !utf8.ValidString(clean(posted)) || !utf8.ValidString(cut(posted)) {
			t.Errorf("%q stays broken", posted)
		}
	})
}

// FuzzBulkChosen: whatever a form names as chosen gives at most so many assignments,
// each once, or is refused.
func FuzzBulkChosen(f *testing.F) {
	f.Add("1.0\n2.1")
	f.Add("1.0\n1.9")
	f.Add("x")
	f.Add("9223372036854775808.0")
	f.Fuzz(func(t *testing.T, s string) {
		chosen, err := bulkChosen(strings.Split(s, "\n"))
		if err != nil {
			if f, ok := fault.Of(err); !ok || f.Kind != fault.KindInvalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		seen := map[int64]bool{}
		for _, c := range chosen {
			if seen[c.Number] {
				t.Errorf("%q: %d twice", s, c.Number)
			}
			seen[c.Number] = true
		}
		if len(chosen) == 0 || len(chosen) > lane.MaxBulk {
			t.Errorf("%q: %d chosen", s, len(chosen))
		}
	})
}

// FuzzIcal: whatever an event is called, each line of the file is short, whole
// letters, and gives the name back when it is unfolded.
func FuzzIcal(f *testing.F) {
	f.Add("Мереке күні; a, b\\n")
	f.Add(strings.Repeat("ү", 80))
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n") {
			return
		}
		var c ical
		c.event("due", 1, "2026-12-14", s)
		for line := range strings.SplitSeq(strings.TrimSuffix(c.text.String(), "\r\n"), "\r\n") {
			if len(line) > lineOctets || !utf8.ValidString(line) {
				t.Errorf("a line of %d octets: %q", len(line), line)
			}
		}
		if whole := strings.ReplaceAll(c.text.String(), "\r\n ", ""); !strings.Contains(whole, "\r\nSUMMARY:"+icalText.Replace(s)+"\r\n") {
			t.Errorf("%q is lost in %q", s, whole)
		}
	})
}
