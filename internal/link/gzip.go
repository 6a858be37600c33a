package link

import (
	"net/http"
	"strings"
)

// TakesGzip reports whether a request's Accept-Encoding lets an answer be gzip (RFC
// 9110, 12.5.3): it names gzip or anything at all, and not with a quality of nothing.
func TakesGzip(h http.Header) bool {
	gzip, any := false, false
	for _, v := range h["Accept-Encoding"] {
		for part := range strings.SplitSeq(v, ",") {
			name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip":
				if refused(params) {
					return false
				}
				gzip = true
			case "*":
				any = !refused(params)
			}
		}
	}
	return gzip || any
}

// refused reports whether "q=0", "q=0.0", …
func refused(params string) bool {
	q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
	return ok && strings.HasPrefix(q, "0") && strings.Trim(q, "0.") == ""
}
