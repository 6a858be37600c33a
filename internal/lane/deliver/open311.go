package deliver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/open311"
	"kua/internal/open311/client"
)

// Keys are the keys for Open311 endpoints by their address; an endpoint that is
// not among them is not written to.
type Keys map[string]string

// ReadKeys reads a file of keys: on each line the address of an endpoint, as the
// directory has it, and its key, or no key for one that asks for none; # begins a
// comment. The fault is deliver.keys, and does not show the line.
func ReadKeys(text string) (Keys, error) {
	keys := Keys{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if _, err := client.New(client.Config{URL: words[0]}); err != nil || len(words) > 2 {
			return nil, fault.Invalid("deliver.keys", number)
		}
		keys[same(words[0])] = strings.Join(words[1:], "")
	}
	return keys, nil
}

// same is an endpoint's address without the slash that some leave out.
func same(address string) string { return strings.TrimSuffix(address, "/") }

// endpoint gives the client for a channel; each is made once, since it remembers
// what its server can do.
func (w *Worker) endpoint(c authority.Channel) (*client.Client, error) {
	key, ok := w.Keys[same(c.Address)]
	if !ok {
		return nil, notTried{fault.Conflict("deliver.no_key")}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.clients[c.Address] == nil {
		made, err := client.New(client.Config{URL: c.Address, Key: key, Jurisdiction: c.Jurisdiction, HTTP: w.HTTP})
		if err != nil {
			return nil, err
		}
		w.clients[c.Address] = made
	}
	return w.clients[c.Address], nil
}

// keyAttribute carries the delivery's key, for servers that know it.
const keyAttribute = "kua_key"

// forward hands a report on to an endpoint, or tells it what is new. What everybody
// sees is what it gets: such servers publish.
func (w *Worker) forward(ctx context.Context, m message, c authority.Channel) error {
	to, err := w.endpoint(c)
	if err != nil {
		return err
	}
	seen := int64(len(m.history))
	if !m.d.Opening {
		return w.forwardNews(ctx, to, c, m, seen)
	}
	switch f, ok, err := w.Lane.ForwardOf(ctx, m.a.Number); {
	case err != nil:
		return err
	case ok: // it is there; a new link says nothing to a server
		return w.Lane.Forwarded(context.WithoutCancel(ctx), m.d, seen, f)
	}
	marker := w.site.String() + "/en/open/case/" + strconv.FormatInt(m.r.ID, 10)
	accepted := open311.Accepted{}
	if m.d.Tries > 1 { // an earlier try may have reached the server: it was killed, or the line broke before the answer
		if accepted, err = w.find(ctx, to, m, marker); err != nil {
			return err
		}
	}
	if accepted.ID == "" {
		report, photos, err := w.submission(ctx, m, c, marker)
		if err != nil {
			return err
		}
		if accepted, err = to.Submit(ctx, report, photos...); err != nil {
			return err
		}
	}
	return w.Lane.Forwarded(context.WithoutCancel(ctx), m.d, seen, lane.Forward{Endpoint: same(c.Address), Token: accepted.Token, Reference: accepted.ID})
}

// listed is the fewest requests of a list that may be cut off silently: cities
// were seen to stop at 50.
const listed = 50

// find looks on a server for a report that an earlier try may have left there,
// by the address that stands in it. It gives an error unless it is known: sending
// again could make two of it.
func (w *Worker) find(ctx context.Context, c *client.Client, m message, marker string) (open311.Accepted, error) {
	since, err := time.Parse(time.DateOnly, string(m.d.Since))
	if err != nil {
		return open311.Accepted{}, err
	}
	since = since.AddDate(0, 0, -1)
	all, err := c.Requests(ctx, url.Values{"service_code": {m.r.Category}, "start_date": {since.Format(time.RFC3339)}, "end_date": {since.AddDate(0, 0, 89).Format(time.RFC3339)}})
	if err != nil {
		return open311.Accepted{}, err
	}
	for _, r := range all {
		for word := range strings.FieldsSeq(r.Description) {
			if word == marker {
				return open311.Accepted{ID: r.ID}, nil
			}
		}
	}
	if len(all) >= listed {
		return open311.Accepted{}, fault.Later("open311.unknown_end")
	}
	return open311.Accepted{}, nil
}

func (w *Worker) submission(ctx context.Context, m message, c authority.Channel, marker string) (open311.Submission, []open311.File, error) {
	lang := cmp.Or(c.Language, m.r.Language)
	s := open311.Submission{ServiceCode: m.r.Category, Address: m.place(lang), Answers: map[string][]string{keyAttribute: {m.d.Key(m.history)}}}
	for question, given := range m.r.Answers {
		s.Answers[question] = given
	}
	if m.r.Place != nil {
		s.Place = &open311.Point{Lat: float64(m.r.Place.Lat) / 1e6, Long: float64(m.r.Place.Lon) / 1e6}
	}
	words := []rune(m.r.Words)
	if most := open311.MaxDescription - len([]rune(marker)) - 2; len(words) > most {
		words = append(words[:most-1], '…')
	}
	s.Description = string(words) + "\n\n" + marker
	photos, err := w.photos(ctx, m, c, &s)
	return s, photos, err
}

// photos names a report's photos in a submission or gives them as files, as the
// endpoint takes them. What everybody may see goes, and nothing else.
func (w *Worker) photos(ctx context.Context, m message, c authority.Channel, s *open311.Submission) (files []open311.File, err error) {
	if !takesPhotos(m, c) {
		return nil, nil
	}
	all, err := w.Lane.Pictures(ctx, m.r.ID)
	if err != nil {
		return nil, err
	}
	for i, p := range all[m.r.ID][:min(len(all[m.r.ID]), lane.MaxPictures)] {
		if c.Photos != authority.PhotoFiles {
			s.MediaURLs = append(s.MediaURLs, w.photoAt(p.Hash))
			continue
		}
		b, err := w.photo(ctx, p.Hash)
		if errors.Is(err, fault.NotFound("lane.no_picture")) { // blacked out meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, open311.File{Name: fmt.Sprintf("photo-%d.jpg", i+1), Type: "image/jpeg", Bytes: b})
	}
	return files, nil
}

// takesPhotos reports whether an endpoint gets a report's photos, which everybody may see.
func takesPhotos(m message, c authority.Channel) bool {
	return m.r.Visibility != authority.Held && c.Photos != authority.NoPhotos
}

// photoAt is where everybody sees a photo.
func (w *Worker) photoAt(hash string) string {
	return w.site.String() + "/en/open/picture/" + hash + ".jpg"
}

func (w *Worker) photo(ctx context.Context, hash string) ([]byte, error) {
	f, public, err := w.Lane.OpenPicture(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !public {
		return nil, fault.NotFound("lane.no_picture", hash)
	}
	return io.ReadAll(io.LimitReader(f, lane.MaxPictureBytes))
}

// forwardNews tells a server what is new, as FixMyStreet does.
func (w *Worker) forwardNews(ctx context.Context, c *client.Client, channel authority.Channel, m message, seen int64) error {
	f, ok, err := w.Lane.ForwardOf(ctx, m.a.Number)
	if err != nil {
		return err
	}
	if !ok || f.Reference == "" {
		return notTried{fault.Later("deliver.no_reference")}
	}
	what, words := m.act()
	status := map[string]string{"deliver.act.withdrawn": "cancelled", "deliver.act.reopened": "reopen", "deliver.act.merged": "duplicate"}[what]
	var photos []string
	if takesPhotos(m, channel) { // as links alone: the extension knows no files
		for _, hash := range m.history[m.d.Event-1].Pictures {
			photos = append(photos, w.photoAt(hash))
		}
	}
	_, err = c.Update(ctx, open311.Change{MediaURLs: photos, RequestID: f.Reference, UpdateID: m.d.Key(m.history), Status: cmp.Or(status, "unchanged"), Updated: w.Lane.Now(),
		Description: strings.TrimSpace(w.Catalogue.T(m.r.Language, what) + " " + words)})
	if err != nil {
		return err
	}
	return w.Lane.Forwarded(context.WithoutCancel(ctx), m.d, seen, f)
}

// What is asked how often.
const (
	askPause   = 10 * time.Minute // of each part that is open
	tokenPause = time.Minute      // for the id that a token becomes
	newsPause  = 2 * time.Minute  // of each endpoint, for all its parts together
	newsSpan   = 48 * time.Hour   // what an endpoint is asked back for
	gonePause  = 24 * time.Hour   // of an endpoint that the directory has no more
)

// errGone is told to whoever runs the node: of what was handed on there nothing more is heard. What
// another address answers would be of other requests.
var errGone = errors.New("no authority of the directory has the endpoint any more that this part was handed on to")

// Ask asks the endpoint of one part what became of it, if any is due. What goes
// wrong is asked again later: nobody waits for it but the page, which says since
// when nothing was heard.
func (w *Worker) Ask(ctx context.Context) (did bool, err error) {
	f, ok, err := w.Lane.TakeForward(ctx, w.owner, w.Lease)
	if !ok || err != nil {
		return false, err
	}
	pause := askPause
	inTime, stop := context.WithTimeout(ctx, w.Lease/2)
	defer stop()
	_, newest, err := w.Lane.Current(ctx)
	if err == nil {
		pause, err = gonePause, errGone
		for _, a := range newest.Directory().Authorities {
			for _, c := range a.Channels {
				if c.Kind == authority.Open311 && same(c.Address) == f.Endpoint {
					pause, err = w.ask(inTime, &f, c)
				}
			}
		}
	}
	if err != nil && ctx.Err() == nil {
		w.Diary.Warn("deliver: ask", "assignment", f.Assignment, "error", err)
	}
	return true, w.Lane.KeepForward(context.WithoutCancel(ctx), f, pause)
}

func (w *Worker) ask(ctx context.Context, f *lane.Forward, c authority.Channel) (pause time.Duration, err error) {
	from, err := w.endpoint(c)
	if err != nil {
		return askPause, err
	}
	if f.Reference == "" {
		id, ok, err := from.Token(ctx, f.Token)
		if err != nil || !ok {
			return tokenPause, err
		}
		f.Reference = id
	}
	if _, err := w.Lane.Heard(ctx, f.Assignment, lane.Message{Update: "id:" + f.Reference, To: lane.Registered, Number: f.Reference}); err != nil {
		return askPause, err
	}
	for _, u := range w.news(ctx, from, c) {
		if u.RequestID == f.Reference {
			if _, err := w.Lane.Heard(ctx, f.Assignment, said(u)); err != nil {
				return askPause, err
			}
		}
	}
	r, err := from.Request(ctx, f.Reference)
	if err != nil {
		return askPause, err
	}
	if notes := strings.TrimSpace(r.StatusNotes); notes != "" || r.Status == "closed" {
		// A bare "closed" says neither that it is mended nor that it is refused.
		words := strings.TrimSpace(r.Status + ": " + notes)
		sum := sha256.Sum256([]byte(words))
		if _, err := w.Lane.Heard(ctx, f.Assignment, lane.Message{Update: "notes:" + hex.EncodeToString(sum[:8]), Words: strings.TrimSuffix(words, ":")}); err != nil {
			return askPause, err
		}
	}
	return askPause, nil
}

// news gives what an endpoint has said of all its requests lately; none from one
// that does not know FixMyStreet's extension.
func (w *Worker) news(ctx context.Context, c *client.Client, channel authority.Channel) []open311.Update {
	w.mu.Lock()
	kept := w.heard[channel.Address]
	w.mu.Unlock()
	now := w.Lane.Now()
	if !kept.at.IsZero() && now.Sub(kept.at) < newsPause {
		return kept.all
	}
	all, err := c.Updates(ctx, now.Add(-newsSpan), now)
	if err != nil {
		all = nil
	}
	w.mu.Lock()
	w.heard[channel.Address] = heard{now, all}
	w.mu.Unlock()
	return all
}

// heard is what an endpoint said, and when it was asked.
type heard struct {
	at  time.Time
	all []open311.Update
}

// said is what an update means here.
func said(u open311.Update) lane.Message {
	s := lane.Message{Update: "update:" + u.ID, Words: strings.TrimSpace(u.Description)}
	switch u.Status {
	case "in_progress", "investigating", "action_scheduled", "planned":
		s.To = lane.InWork
	case "fixed":
		s.To = lane.Mended
	case "no_further_action", "not_councils_responsibility":
		s.To = lane.Refused
	}
	if s.Words == "" && u.Status != "unchanged" && u.Status != "open" {
		s.Words = u.Status
	}
	return s
}
