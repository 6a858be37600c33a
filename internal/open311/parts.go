package open311

import (
	"bytes"
	"fmt"
	"maps"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// File is a photo that goes with a form.
type File struct {
	Name, Type string // as photo-1.jpg and image/jpeg
	Bytes      []byte
}

// MediaField is under what photos are sent. GeoReport v2 has no place for them;
// servers that take some know this name.
const MediaField = "media"

// Parts writes a form with files as multipart/form-data (RFC 7578) and gives its
// media type. Texts stand first, so that a server knows the key before the photos.
func Parts(form url.Values, files []File) (kind string, body []byte) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, v := range form[name] {
			_ = m.WriteField(name, v) // a buffer takes everything
		}
	}
	for _, f := range files {
		name := strings.NewReplacer(`"`, "", "\r", "", "\n", "").Replace(f.Name)
		part, _ := m.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="%s"`, MediaField, name)}, "Content-Type": {f.Type}})
		_, _ = part.Write(f.Bytes)
	}
	_ = m.Close()
	return m.FormDataContentType(), b.Bytes()
}
