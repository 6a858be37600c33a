package lane311

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/open311"
)

// counted counts what is cleaned.
type counted struct {
	lane.Cleaner
	n atomic.Int64
}

func (c *counted) Clean(ctx context.Context, photo *bytes.Reader) (large, small lane.Image, err error) {
	c.n.Add(1)
	return c.Cleaner.Clean(ctx, photo)
}

func onBothWithPhotos(t *testing.T, test func(t *testing.T, r *room, cleaned *counted)) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			cleaner := &counted{Cleaner: lanetest.Cleaner(t)}
			cfg := lane.Config{Dir: t.TempDir(), Cleaner: cleaner}
			if name == "postgres" {
				cfg.URL = lanetest.Database(t)
			}
			test(t, newRoom(t, cfg), cleaner)
		})
	}
}

// part is a part of a form: a text, or a file if it has a file's name or type.
type part struct{ name, file, kind, text string }

// parts posts a form in the order of its parts.
func (r *room) parts(path string, status int, all []part, header ...string) (*http.Response, string) {
	r.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, p := range all {
		h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + p.name + `"`}}
		if p.file != "" {
			h.Set("Content-Disposition", h.Get("Content-Disposition")+`; filename="`+p.file+`"`)
		}
		if p.kind != "" {
			h.Set("Content-Type", p.kind)
		}
		w, err := m.CreatePart(h)
		check(r.t, err)
		_, err = w.Write([]byte(p.text))
		check(r.t, err)
	}
	check(r.t, m.Close())
	resp, body := r.do("POST", Endpoint+path, m.FormDataContentType(), &b, header...)
	r.holds("POST "+path, resp, body, status, nil)
	return resp, body
}

func texts(form url.Values) (all []part) {
	for name, values := range form {
		all = append(all, part{name: name, text: values[0]})
	}
	return all
}

const hushed = "hushed words of a telephone"

// snapshot is a made-up photo into which a telephone has written words.
func snapshot(t *testing.T, seed byte) string {
	b := lanetest.Photo(t, 320, 240, seed)
	comment := append([]byte{0xff, 0xfe, 0, byte(len(hushed) + 2)}, hushed...)
	return string(b[:2]) + string(comment) + string(b[2:])
}

// TestPhotosOfSystems sends photos as the clients that are known do: under any name,
// before the key and behind it. They go the way of a citizen's.
func TestPhotosOfSystems(t *testing.T) {
	onBothWithPhotos(t, func(t *testing.T, r *room, cleaned *counted) {
		one, two := snapshot(t, 1), snapshot(t, 2)
		photos := []part{{"media", "a.jpg", "image/jpeg", one}, {"photo2", "IMG 2.JPG", "application/octet-stream", two}, {"media[]", "", "image/jpeg", one}}
		none := part{name: "media", file: "", text: ""} // a field in which nothing was chosen
		for i, form := range [][]part{append(texts(r.report("locale", "en")), append(photos, none)...), append(photos[:3:3], texts(r.report("locale", "en", "description", "Another made-up hole"))...)} {
			_, body := r.parts("requests.json", 200, form, "Idempotency-Key", "case-"+strconv.Itoa(i))
			if !strings.Contains(body, "Photos that came with it: 2.") {
				t.Errorf("form %d: %s", i, body)
			}
			at := regexp.MustCompile(`http://[^" ]*/en/open/picture/[0-9a-f]{64}\.jpg`).FindAllString(body, -1)
			if len(at) != 2 {
				t.Fatalf("form %d: pictures at %v", i, at)
			}
			resp, picture := r.get(strings.TrimPrefix(at[0], r.server.URL))
			if resp.StatusCode != 200 || !strings.HasPrefix(picture, "\xff\xd8") || strings.Contains(picture, hushed) {
				t.Errorf("a picture answers %d, %d bytes", resp.StatusCode, len(picture))
			}
			r.asked("requests/"+strconv.Itoa(i+1)+".xml?locale=en", 200, "<media_url>"+at[0]+"</media_url>")
		}
		pictures, err := r.lane.Pictures(t.Context(), 1, 2)
		check(t, err)
		if len(pictures[1]) != 2 || len(pictures[2]) != 2 || pictures[1][0].Role != lane.Before {
			t.Errorf("kept: %+v", pictures)
		}
		n := cleaned.n.Load()
		again := append(texts(r.report()), part{"media", "b.jpg", "image/jpeg", snapshot(t, 3)})
		if _, body := r.parts("requests.xml", 200, again, "Idempotency-Key", "case-0"); !strings.Contains(body, "<service_request_id>1<") || cleaned.n.Load() != n {
			t.Errorf("sent again: %s", body)
		}
		_, body := r.parts("requests.xml", 200, append(texts(r.report("service_code", "no-answer", "attribute[cover]", "")), photos...))
		if !strings.Contains(body, "<token>") || strings.Contains(body, "/open/picture/") {
			t.Errorf("of one that is looked at first: %s", body)
		}
		held, err := r.lane.Pictures(t.Context(), 3)
		check(t, err)
		if len(held[3]) != 2 {
			t.Fatalf("the held one has %+v", held)
		}
		if r.endpoint.held.all != 0 || r.endpoint.held.early != 0 {
			t.Errorf("memory is not given back: %+v", &r.endpoint.held)
		}
	})
}

// TestPhotoOfAHeldSubmission: what comes with a report that nobody may see is seen by nobody.
func TestPhotoOfAHeldSubmission(t *testing.T) {
	onBothWithPhotos(t, func(t *testing.T, r *room, _ *counted) {
		r.parts("requests.xml", 200, append(texts(r.report("service_code", "no-answer", "attribute[cover]", "")), part{"media", "a.jpg", "image/jpeg", snapshot(t, 1)}))
		all, err := r.lane.Pictures(t.Context(), 1)
		check(t, err)
		if len(all[1]) != 1 {
			t.Fatalf("kept: %+v", all)
		}
		for _, hash := range []string{all[1][0].Hash, all[1][0].Small} {
			if _, _, err := r.lane.OpenPicture(t.Context(), hash); !errors.Is(err, fault.NotFound("lane.no_picture")) {
				t.Errorf("it is shown: %v", err)
			}
		}
	})
}

// TestPhotosAreRefused: what cannot be taken refuses the whole of it, before
// anything is cleaned where the key, the words or the number say so.
func TestPhotosAreRefused(t *testing.T) {
	onBothWithPhotos(t, func(t *testing.T, r *room, cleaned *counted) {
		good := part{"media", "a.jpg", "image/jpeg", snapshot(t, 1)}
		five := []part{good, good, good, good, good}
		other := r.newKey(lane.Key{Name: "answers", Authority: "water", PerHour: 10})
		for name, c := range map[string]struct {
			form   []part
			status int
			want   string
		}{
			"a wrong key":           {append(texts(r.report("api_key", "wrong")), good), 403, "<code>403<"},
			"a wrong key behind":    {append([]part{good}, texts(r.report("api_key", "wrong"))...), 403, "<code>403<"},
			"no key":                {append([]part{good}, texts(r.report("api_key", ""))...), 403, "<code>403<"},
			"a key that answers":    {append(texts(r.report("api_key", other)), good), 403, "<code>403<"},
			"five":                  {append(texts(r.report()), five...), 400, "<code>400<"},
			"words of danger":       {append(texts(r.report("description", "Мне угрожают, выдумано", "locale", "ru")), good), 400, "<code>409<"},
			"no place":              {append(texts(r.report("lat", "", "long", "")), good), 400, "<code>400<"},
			"one that is too large": {append(texts(r.report()), part{"media", "a.jpg", "", strings.Repeat("x", lane.MaxPictureBytes+1)}), 400, "<code>413<"},
		} {
			n := cleaned.n.Load()
			if _, body := r.parts("requests.xml", c.status, c.form); !strings.Contains(body, c.want) || cleaned.n.Load() != n {
				t.Errorf("%s: cleaned %d\n%s", name, cleaned.n.Load()-n, body)
			}
		}
		for _, text := range []string{"no picture at all", "<html>", good.text[:len(good.text)/3]} {
			_, body := r.parts("requests.xml", 400, append(texts(r.report()), part{"media", "a.jpg", "image/jpeg", text}))
			if !strings.Contains(body, "<code>400<") {
				t.Errorf("%.20q: %s", text, body)
			}
		}
		resp, body := r.parts("requests.xml", 429, append([]part{{"media", "a.jpg", "", strings.Repeat("x", maxEarly+1)}}, texts(r.report("locale", "en"))...))
		if !strings.Contains(body, "api_key in the form before the files") || resp.Header.Get("Retry-After") == "" {
			t.Errorf("much before the key: %v, %s", resp.Header, body)
		}
		r.parts("requests.xml", 400, []part{{name: "description", text: strings.Repeat("x", maxForm)}})
		if all := r.listed("requests.xml"); len(all) > 0 || r.endpoint.held.all != 0 || r.endpoint.held.early != 0 {
			t.Errorf("kept: %v; memory: %+v", all, &r.endpoint.held)
		}
	})
}

// TestLargestPhotosFit: as many photos as may come, each as large as may be, are held,
// and as many of another form beside them; one byte more is too much.
func TestLargestPhotosFit(t *testing.T) {
	onBothWithPhotos(t, func(t *testing.T, r *room, _ *counted) {
		v := &visit{Request: httptest.NewRequestWithContext(t.Context(), "POST", Endpoint, nil), form: url.Values{"api_key": {r.key}}}
		photo := make([]byte, lane.MaxPictureBytes+1)
		for range lane.MaxPictures {
			check(t, r.endpoint.hold(v, bytes.NewReader(photo[1:])))
		}
		if v.brought.trouble != nil || len(v.brought.photos) != lane.MaxPictures {
			t.Fatalf("%d are held: %v", len(v.brought.photos), v.brought.trouble)
		}
		if other := v.brought.all; !r.endpoint.held.take(other, false) {
			t.Error("another form has no room beside it")
		} else {
			r.endpoint.held.give(other, 0)
		}
		r.endpoint.letGo(v)
		check(t, r.endpoint.hold(v, bytes.NewReader(photo)))
		if !errors.Is(v.brought.trouble, fault.TooLarge("lane.picture_large")) {
			t.Errorf("one byte more: %v", v.brought.trouble)
		}
		if r.endpoint.letGo(v); r.endpoint.held.all != 0 {
			t.Errorf("%d bytes are not given back", r.endpoint.held.all)
		}
	})
}

// TestProofOfAnAuthority: an authority's system shows by a photo that something is
// mended, once, and words of it may have one too.
func TestProofOfAnAuthority(t *testing.T) {
	onBothWithPhotos(t, func(t *testing.T, r *room, cleaned *counted) {
		r.sent()
		update := func(id, status, words string) url.Values {
			return url.Values{"api_key": {r.key}, "service_request_id": {"1"}, "update_id": {id}, "status": {status}, "updated_datetime": {"2026-11-28T11:00:00Z"}, "description": {words}}
		}
		r.post("servicerequestupdates.xml", update("u1", "FIXED", "Закрыли"), 400)
		r.parts("servicerequestupdates.xml", 200, append(texts(update("u2", "UNCHANGED", "Так это выглядит")), part{"media", "a.jpg", "", snapshot(t, 1)}))
		r.parts("servicerequestupdates.xml", 400, append(texts(update("u3", "FIXED", "Закрыли")), part{"a", "a.jpg", "", snapshot(t, 2)}, part{"b", "b.jpg", "", snapshot(t, 3)}))
		r.parts("servicerequestupdates.xml", 400, append(texts(update("u3", "FIXED", "Закрыли")), part{"a", "a.jpg", "", "no picture"}))
		fixed := append(texts(update("u3", "FIXED", "Закрыли")), part{"photo1", "a.jpg", "", snapshot(t, 2)})
		_, first := r.parts("servicerequestupdates.xml", 200, fixed)
		n := cleaned.n.Load()
		if _, second := r.parts("servicerequestupdates.xml", 200, fixed); first != second || cleaned.n.Load() != n {
			t.Errorf("the same again: %s and %s", first, second)
		}
		got, err := r.lane.Request(t.Context(), 1)
		check(t, err)
		pictures, err := r.lane.Pictures(t.Context(), 1)
		check(t, err)
		if all := pictures[1]; got.Assignments[0].State != lane.Mended || len(all) != 2 || all[0].Role != lane.Proof || all[1].Role != lane.Proof {
			t.Fatalf("%s, %+v", got.Assignments[0].State, pictures)
		}
		a, err := open311.Read([]byte(r.asked("servicerequestupdates.xml", 200)))
		check(t, err)
		var shown []string
		for _, u := range a.Updates() {
			if u.MediaURL != "" {
				shown = append(shown, u.Status+strings.TrimSuffix(u.MediaURL[strings.LastIndex(u.MediaURL, "/"):], ".jpg"))
			}
		}
		if want := "unchanged/" + pictures[1][0].Hash + " fixed/" + pictures[1][1].Hash; strings.Join(shown, " ") != want {
			t.Errorf("updates show %v, want %s", shown, want)
		}
	})
}

// noPhoto finds no photo in anything.
type noPhoto struct{}

func (noPhoto) Clean(context.Context, *bytes.Reader) (large, small lane.Image, err error) {
	return large, small, fault.Invalid("lane.picture_kind")
}

// FuzzParts posts forms in parts as strangers write them: taken or refused, and no
// memory is kept.
func FuzzParts(f *testing.F) {
	r := newRoom(f, lane.Config{Dir: f.TempDir(), Cleaner: noPhoto{}})
	f.Add("--x\r\nContent-Disposition: form-data; name=\"api_key\"\r\n\r\nKEY\r\n--x\r\nContent-Disposition: form-data; name=\"m\"; filename=\"a\"\r\n\r\nJFIF\r\n--x--\r\n")
	f.Add("--x\r\nContent-Type: image/jpeg\r\n\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("POST", Endpoint+"requests.xml", strings.NewReader(strings.ReplaceAll(body, "KEY", r.key)))
		req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.server.Config.Handler.ServeHTTP(rec, req)
		if rec.Code >= 500 {
			t.Fatalf("%q answers %d: %s", body, rec.Code, rec.Body)
		}
		if r.endpoint.held.all != 0 || r.endpoint.held.early != 0 {
			t.Fatalf("%q keeps memory", body)
		}
	})
}
