package page

import (
	"maps"
	"net/http"
	"strings"
)

// Policy is what a room's pages may do beyond showing text, their own
// stylesheet and their own pictures. The zero value allows nothing more; no
// policy ever allows another host, inline code or a frame.
type Policy struct {
	Scripts  bool // own scripts, which may call their own server
	Workers  bool // own workers, also from blob: addresses
	Media    bool // own films and sounds
	Blobs    bool // pictures and media that the page made itself (blob:)
	Forms    bool // sending forms to their own server
	Location bool // asking the browser where it is, after the person's consent
	Passkeys bool // asking the browser for a passkey (Web Authentication)
	Public   bool // readable by other sites: a published edition, for verifiers
}

// CSP is the Content-Security-Policy header's value.
func (p Policy) CSP() string { return p.csp() + "; frame-ancestors 'none'" }

// Meta is the policy for a <meta> element, where frame-ancestors is not
// allowed. An edition carries it because its hosts may set no headers.
func (p Policy) Meta() string { return p.csp() }

func (p Policy) csp() string {
	blob := ""
	if p.Blobs {
		blob = " blob:"
	}
	rules := []string{"default-src 'none'", "base-uri 'none'", "style-src 'self'", "img-src 'self'" + blob}
	if p.Media {
		rules = append(rules, "media-src 'self'"+blob)
	}
	if p.Scripts {
		rules = append(rules, "script-src 'self'", "connect-src 'self'")
	}
	if p.Workers {
		// Safari before 15.5 goes by child-src, which binds frames too (CSP Level 2), and
		// without either by default-src: the phone could not seal.
		rules = append(rules, "worker-src 'self' blob:", "child-src 'self' blob:", "frame-src 'none'")
	}
	if p.Forms {
		rules = append(rules, "form-action 'self'")
	} else {
		rules = append(rules, "form-action 'none'")
	}
	return strings.Join(rules, "; ")
}

// Headers sets the security headers of every answer. Answers are not kept in
// the browser's cache unless next says otherwise: what a reader read should
// not stay on their phone. What is public and has no scripts goes without those that
// bind scripts and frames alone, of which its policy lets it have none: they are 700
// bytes of every page on a slow line, and a fifth of what a node spends on one.
// Origin-Agent-Cluster stays: a browser goes by the first page that it saw of an origin
// (HTML, "obtain a similar-origin window agent"), and the next may be one that seals.
func Headers(p Policy, next http.Handler) http.Handler {
	ready := p.Header() // as every answer gets it: nobody appends to a value of one
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), ready)
		next.ServeHTTP(w, r)
	})
}

// Header gives the security headers (see Headers).
func (p Policy) Header() http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", p.CSP())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Origin-Agent-Cluster", "?1")
	h.Set("X-DNS-Prefetch-Control", "off")
	h.Set("Cache-Control", "no-store")
	if p.Public {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	if !p.Public || p.Scripts {
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Permitted-Cross-Domain-Policies", "none")
		h.Set("Permissions-Policy", permissions(p))
	}
	return h
}

// permissions closes what a browser would otherwise let a page ask for.
func permissions(p Policy) string {
	features := []string{
		"accelerometer", "autoplay", "bluetooth", "browsing-topics", "camera", "display-capture", "encrypted-media",
		"gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi", "payment",
		"publickey-credentials-get", "screen-wake-lock", "serial", "usb", "web-share", "xr-spatial-tracking",
	}
	var b strings.Builder
	for _, f := range features {
		if f == "publickey-credentials-get" && p.Passkeys {
			b.WriteString(f + "=(self), ")
			continue
		}
		b.WriteString(f + "=(), ")
	}
	if p.Location {
		return b.String() + "geolocation=(self)"
	}
	return b.String() + "geolocation=()"
}
