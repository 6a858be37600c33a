package laneweb

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"kua/internal/authority"
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
		d, err := readDraft(form, category, "en", authority.Directory{})
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
