package kit

import (
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Units in which networks count what may be written.
const (
	Characters = "characters"
	Bytes      = "bytes"
	UTF16      = "utf16" // characters, those outside the basic plane twice
)

// Limit is how much a network takes in one field. Source is where that is
// published; "" means that nothing was found, and Most was chosen so that it is
// rather too small.
type Limit struct {
	Most   int
	Unit   string
	Source string
}

// Network is one that needs a person.
type Network struct {
	ID, Name string
	Watch    string // the kind of its copies at kua watch; "" when nobody can see them from outside
	Title    Limit  // Most 0: it has no such field
	Words    Limit
	// Film is the most bytes of a film or photo, 0 for no limit that matters here,
	// and FilmSource where that is published.
	Film       int64
	FilmSource string
	Subtitles  bool // it takes files of them
	Plain      bool // no < and > in words
}

// The limits were looked up on 29 November 2026. Where the network's own page
// could not be read, the source is the documentation of a service that posts there;
// where such sources differ, the smallest limit is taken.
const (
	youtubeDocs    = "https://developers.google.com/youtube/v3/docs/videos"
	facebookTitles = "https://docs.upload-post.com/resources/character-limits/"
	facebookWords  = "https://docs.postsyncer.com/platforms/facebook.md"
	instagramDocs  = "https://www.ayrshare.com/docs/apis/post/social-networks/instagram"
	tiktokDocs     = "https://docs.postsyncer.com/platforms/tiktok"
	whatsappWords  = "https://docs.jelou.ai/en/guides/nodos/video.md"
	whatsappFilms  = "https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages"
)

// Networks gives all of them, in the order of a kit.
func Networks() []Network {
	return []Network{
		{ID: "youtube", Name: "YouTube", Watch: "youtube", Title: Limit{100, Characters, youtubeDocs}, Words: Limit{5000, Bytes, youtubeDocs}, Subtitles: true, Plain: true},
		{ID: "facebook", Name: "Facebook", Watch: "facebook", Title: Limit{255, Characters, facebookTitles}, Words: Limit{2200, Characters, facebookWords}, Subtitles: true},
		{ID: "instagram", Name: "Instagram", Watch: "page", Words: Limit{2200, Characters, instagramDocs}},
		{ID: "tiktok", Name: "TikTok", Watch: "page", Words: Limit{2200, UTF16, tiktokDocs}},
		{ID: "ok", Name: "OK", Watch: "ok", Title: Limit{100, Characters, ""}, Words: Limit{2000, Characters, ""}},
		{ID: "vk", Name: "VK", Watch: "vk", Title: Limit{100, Characters, ""}, Words: Limit{2000, Characters, ""}},
		{ID: "whatsapp", Name: "WhatsApp", Words: Limit{1024, Characters, whatsappWords}, Film: 16_000_000, FilmSource: whatsappFilms},
	}
}

// Count measures words as the limit does.
func (l Limit) Count(s string) int {
	switch l.Unit {
	case Bytes:
		return len(s)
	case UTF16:
		return len(utf16.Encode([]rune(s)))
	}
	return utf8.RuneCountInString(s)
}

const ellipsis = "…"

// Cut shortens words to what the limit leaves beside so much else; what was cut
// ends in an ellipsis, behind a whole word where there is one.
func (l Limit) Cut(s string, beside int) string {
	room := l.Most - beside
	if l.Count(s) <= room {
		return s
	}
	if room < l.Count(ellipsis) {
		return ""
	}
	letters := []rune(s)
	n := sort.Search(len(letters), func(n int) bool { return l.Count(string(letters[:n+1])+ellipsis) > room })
	letters = letters[:n]
	for i := len(letters) - 1; i > len(letters)/2; i-- {
		if letters[i] == ' ' || letters[i] == '\n' {
			letters = letters[:i]
			break
		}
	}
	return strings.TrimRight(string(letters), " \n.,;:") + ellipsis
}
