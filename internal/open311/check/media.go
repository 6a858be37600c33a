package check

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/url"
	"strings"

	"kua/internal/open311"
)

const (
	// planted stands in the photo that is sent, where telephones write what nobody
	// wanted to tell.
	planted = "kua-check-planted-311"
	// mediaWords are the test report's that brings a photo.
	mediaWords = "Kuä conformance test with a made-up picture, please close."
	// maxShown is how many pictures of a server are looked at.
	maxShown = 2
)

// media holds the addresses of pictures against what they should be. Only those at
// the endpoint's own host are called.
func (c *checker) media() {
	looked := 0
	for _, r := range c.listed {
		if r.MediaURL == "" {
			continue
		}
		if u, err := url.Parse(r.MediaURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			c.find("media_address", "GET "+c.base+"requests.xml", r.ID+": "+r.MediaURL)
			continue
		}
		if looked < maxShown && c.own(r.MediaURL) {
			looked++
			if shown := c.call(http.MethodGet, r.MediaURL, nil); !isPicture(shown) {
				c.find("media_picture", shown.address(), shown.told())
			}
		}
	}
}

// own reports an address at the endpoint's host.
func (c *checker) own(address string) bool {
	here, err1 := url.Parse(c.base)
	there, err2 := url.Parse(address)
	return err1 == nil && err2 == nil && here.Host == there.Host
}

func isPicture(r reply) bool {
	return r.err == nil && r.status == http.StatusOK && strings.HasPrefix(r.header.Get("Content-Type"), "image/") && strings.HasPrefix(http.DetectContentType(r.body), "image/")
}

// told tells what should have been a picture without its bytes.
func (r reply) told() string {
	if isPicture(r) || r.err == nil && strings.HasPrefix(r.header.Get("Content-Type"), "image/") {
		r.body = nil
	}
	return r.said()
}

// photo sends a report with a photo, and one with a file that only calls itself
// one, and looks at what of them is shown.
func (c *checker) photo(s open311.Submission) {
	s.Description = mediaWords
	whole := open311.File{Name: "photo.jpg", Type: "image/jpeg", Bytes: testPhoto()}
	r, id := c.sendFile(s, whole)
	if r.err != nil || r.status/100 != 2 {
		c.find("media_refused", r.address(), r.said())
		return
	}
	if at := c.shows(id); id != "" && at == "" {
		c.find("media_lost", "GET "+c.base+"requests/"+url.PathEscape(id)+".xml", "media_url: –")
	} else if at != "" && c.own(at) {
		switch shown := c.call(http.MethodGet, at, nil); {
		case !isPicture(shown):
			c.find("media_picture", shown.address(), shown.told())
		case bytes.Contains(shown.body, []byte(planted)):
			c.find("media_traces", shown.address(), planted)
		}
	}
	none := open311.File{Name: "photo.jpg", Type: "image/jpeg", Bytes: []byte("<!DOCTYPE html><script>document.title='" + planted + "'</script>")}
	if _, id := c.sendFile(s, none); id != "" {
		if at := c.shows(id); at != "" && c.own(at) {
			if shown := c.call(http.MethodGet, at, nil); bytes.Contains(shown.body, []byte(planted)) {
				c.find("media_garbage", shown.address(), shown.said())
			}
		}
	}
}

// sendFile sends a report with a file and gives its id; "" where it has none yet.
func (c *checker) sendFile(s open311.Submission, f open311.File) (r reply, id string) {
	kind, body := open311.Parts(c.form(s), []open311.File{f})
	r = c.send(http.MethodPost, c.base+"requests.xml", kind, body)
	if r.err != nil || r.status/100 != 2 {
		return r, ""
	}
	a := c.judge("accepted", r)
	if a == nil {
		return r, ""
	}
	accepted, _ := a.Accepted()
	if accepted.ID == "" && accepted.Token != "" {
		if asked := c.judge("token", c.call(http.MethodGet, c.base+"tokens/"+url.PathEscape(accepted.Token)+".xml", c.params(nil))); asked != nil {
			accepted, _ = asked.Accepted()
		}
	}
	return r, accepted.ID
}

// shows gives the address of a request's picture.
func (c *checker) shows(id string) string {
	if id == "" {
		return ""
	}
	a := c.get("requests", c.base+"requests/"+url.PathEscape(id)+".xml", c.params(nil))
	if a == nil {
		return ""
	}
	for _, r := range a.Requests() {
		if r.ID == id {
			return r.MediaURL
		}
	}
	return ""
}

// testPhoto makes a small JPEG with a description in its Exif part (CIPA DC-008).
func testPhoto() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 160, 120))
	for y := range 120 {
		for x := range 160 {
			img.Set(x, y, color.RGBA{uint8(x), uint8(2 * y), 120, 255})
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // a buffer takes everything
	const entries, after = 8, 8 + 2 + 12 + 4
	tiff := append([]byte("II*\x00"), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(tiff[4:], entries)
	tiff = binary.LittleEndian.AppendUint16(tiff, 1)
	tiff = binary.LittleEndian.AppendUint16(tiff, 0x010e) // ImageDescription, ASCII
	tiff = binary.LittleEndian.AppendUint16(tiff, 2)
	tiff = binary.LittleEndian.AppendUint32(tiff, uint32(len(planted)+1))
	tiff = binary.LittleEndian.AppendUint32(tiff, after)
	tiff = binary.LittleEndian.AppendUint32(tiff, 0)
	exif := append([]byte("Exif\x00\x00"), append(tiff, planted+"\x00"...)...)
	marker := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	whole := b.Bytes()
	return append(append(append(append([]byte{}, whole[:2]...), marker...), exif...), whole[2:]...)
}
