package page

import (
	"net/http"
	"net/url"
)

// Foreign reports a form that another site's page sent through its reader's
// browser (Fetch Metadata's Sec-Fetch-Site, or Origin of RFC 6454), so that
// nobody's readers can be made to send what they did not write. A browser that
// says nothing of where a form comes from is believed: where a cookie or a
// password is in play, a form carries a token besides.
func Foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" { // older browsers say null under our referrer policy
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != r.Host
}
