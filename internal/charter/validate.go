package charter

import (
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kua/internal/fault"
)

const (
	maxDocument = 1 << 20 // bytes of a charter
	maxVersions = 1000    // of a chain
	maxPeople   = 200     // present and past: 1024 stanzas fit an age header
	maxPlaces   = 200     // nodes, mirrors or desks
	maxWords    = 4000    // bytes of a name or an about text
	maxHandle   = 64      // letters
)

var (
	languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
	hexSHA256   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validate checks what one version can be checked for by itself. Refusals are
// faults of kind invalid that name the offending part.
func (c Charter) Validate() error {
	for _, check := range []func() error{c.checkHead, c.checkWords, c.checkPeople, c.checkLog, c.checkPlaces, c.checkStruck} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Charter) checkHead() error {
	if c.Kind != Kind {
		return fault.Invalid("charter.not_a_charter")
	}
	if c.Version < 1 {
		return fault.Invalid("charter.version", c.Version)
	}
	if c.Version == 1 && c.Previous != "" || c.Version > 1 && !hexSHA256.MatchString(c.Previous) {
		return fault.Invalid("charter.previous", c.Version)
	}
	if !isDay(c.Made) {
		return fault.Invalid("charter.day", c.Made)
	}
	return nil
}

func (c Charter) checkWords() error {
	if len(c.Languages) == 0 {
		return fault.Invalid("charter.no_language")
	}
	seen := make(map[string]bool)
	for _, l := range c.Languages {
		if !languageTag.MatchString(l) || seen[l] {
			return fault.Invalid("charter.language", l)
		}
		seen[l] = true
	}
	if len(c.Name) == 0 {
		return fault.Invalid("charter.no_name")
	}
	for _, words := range []map[string]string{c.Name, c.About} {
		for l, w := range words {
			if !seen[l] {
				return fault.Invalid("charter.language", l)
			}
			if !isWords(w) {
				return fault.Invalid("charter.words", l)
			}
		}
	}
	return nil
}

func (c Charter) checkPeople() error {
	current := c.Current()
	if len(current) == 0 {
		return fault.Invalid("charter.no_people")
	}
	if len(c.People) > maxPeople {
		return fault.TooLarge("charter.too_many_people", maxPeople)
	}
	if c.Threshold < 1 || c.Threshold > len(current) {
		return fault.Invalid("charter.threshold", c.Threshold, len(current))
	}
	kind := recipientKind(current[0].Recipient)
	keys, recipients, names := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, p := range c.People {
		if err := p.validate(); err != nil {
			return err
		}
		id := KeyID(p.PublishKey)
		if keys[id] || recipients[p.Recipient] {
			return fault.Invalid("charter.key_twice", p.Name)
		}
		keys[id], recipients[p.Recipient] = true, true
		if p.Retired != "" {
			continue
		}
		if names[p.Name] {
			return fault.Invalid("charter.name_twice", p.Name)
		}
		names[p.Name] = true
		if recipientKind(p.Recipient) != kind {
			return fault.Invalid("seal.mixed_recipients")
		}
	}
	return nil
}

func (p Person) validate() error {
	if !isWords(p.Name) || strings.ContainsFunc(p.Name, unicode.IsControl) {
		return fault.Invalid("charter.person_name", p.Name)
	}
	if recipientKind(p.Recipient) == "" {
		return fault.Invalid("charter.recipient", p.Name)
	}
	if _, ok := rawKey(p.PublishKey); !ok {
		return fault.Invalid("charter.publish_key", p.Name)
	}
	if !isDay(p.Since) {
		return fault.Invalid("charter.day", p.Since)
	}
	if p.Retired != "" && (!isDay(p.Retired) || p.Retired < p.Since) {
		return fault.Invalid("charter.day", p.Retired)
	}
	return nil
}

func (c Charter) checkPlaces() error {
	if len(c.Nodes) > maxPlaces || len(c.Mirrors) > maxPlaces || len(c.Desks) > maxPlaces {
		return fault.TooLarge("charter.too_many_places", maxPlaces)
	}
	seen := make(map[string]bool)
	for _, n := range c.Nodes {
		if !isAddress(n.URL) || seen[n.URL] {
			return fault.Invalid("charter.address", n.URL)
		}
		seen[n.URL] = true
		if _, ok := rawKey(n.Key); !ok {
			return fault.Invalid("charter.node_key", n.URL)
		}
	}
	mirrors := make(map[string]bool)
	for _, m := range c.Mirrors {
		if !isAddress(m) || mirrors[m] {
			return fault.Invalid("charter.address", m)
		}
		mirrors[m] = true
	}
	if c.Handle != "" && !isHandle(c.Handle) {
		return fault.Invalid("charter.handle", maxHandle)
	}
	desks := make(map[string]bool)
	for _, d := range c.Desks {
		if _, ok := rawKey(d); !ok || desks[d] {
			return fault.Invalid("charter.desk_key", d)
		}
		desks[d] = true
	}
	return nil
}

// isAddress takes https anywhere, and plain http only where it is not plain: to
// an onion service or on this machine. No user, query or fragment.
func isAddress(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.String() != s || len(s) > 500 {
		return false
	}
	host := u.Hostname()
	switch u.Scheme {
	case "https":
		return host != ""
	case "http":
		ip := net.ParseIP(host)
		return strings.HasSuffix(host, ".onion") || host == "localhost" || (ip != nil && ip.IsLoopback())
	}
	return false
}

// unseen are letters that nobody sees, or that change how others are seen: controls,
// formats, ends of lines and what Unicode lets a reader ignore.
var unseen = []*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// isHandle takes one short line that nothing can hide in or turn round: it stands
// below every page.
func isHandle(s string) bool {
	hidden := func(r rune) bool { return unicode.In(r, unseen...) }
	return isWords(s) && strings.TrimSpace(s) == s && utf8.RuneCountInString(s) <= maxHandle && !strings.ContainsFunc(s, hidden)
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isWords(s string) bool {
	return strings.TrimSpace(s) != "" && len(s) <= maxWords && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}
