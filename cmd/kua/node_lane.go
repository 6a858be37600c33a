package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"kua/internal/appeal"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/seal"
)

// sealer gives the open lane what seals to the current people of the charter
// that the node believes at that moment. It can open nothing.
func sealer(believed func() (charter.Charter, charter.Chain)) func() lane.Seal {
	return func() lane.Seal {
		c, _ := believed()
		recipients := c.Recipients()
		if len(recipients) == 0 {
			return nil
		}
		return func(plain []byte) ([]byte, error) {
			var b bytes.Buffer
			w, err := seal.Writer(&b, recipients)
			if err != nil {
				return nil, err
			}
			if _, err := w.Write(plain); err != nil {
				return nil, err
			}
			if err := w.Close(); err != nil {
				return nil, err
			}
			return b.Bytes(), nil
		}
	}
}

// deskCalls answers what a desk of the charter asks of the open lane. The node
// has checked before that it is one.
func (s *served) deskCalls(w http.ResponseWriter, r *http.Request, body []byte) error {
	call, rest, _ := strings.Cut(r.PathValue("call"), "/")
	after, bad := strconv.ParseInt(rest, 10, 64)
	switch {
	case r.Method == http.MethodGet && call == "contacts" && bad == nil && after >= 0:
		all, err := s.lane.Contacts(r.Context(), after, nodeapi.LanePage)
		if err != nil {
			return err
		}
		list := nodeapi.LaneContacts{Contacts: []nodeapi.LaneContact{}}
		for _, c := range all {
			list.Contacts = append(list.Contacts, nodeapi.LaneContact(c))
		}
		return answerJSON(w, list)
	case r.Method == http.MethodGet && call == "letters" && bad == nil && after >= 0:
		all, err := s.lane.Letters(r.Context(), after, nodeapi.LanePage)
		if err != nil {
			return err
		}
		list := nodeapi.LaneLetters{Letters: []nodeapi.LaneLetter{}}
		for _, l := range all {
			list.Letters = append(list.Letters, nodeapi.LaneLetter{Number: l.Number, Request: l.Request, Step: l.Step, Day: l.Day, Sealed: l.Sealed})
		}
		return answerJSON(w, list)
	case r.Method == http.MethodPost && call == "sent" && rest == "":
		var said nodeapi.LaneSent
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&said); err != nil {
			return fault.Invalid("node.not_json").Because(err)
		}
		if err := s.lane.AttestSending(r.Context(), lane.Sending{Request: said.Request, Letter: said.Letter, Day: appeal.Day(said.Day)}); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return fault.NotFound("node.no_call")
}

// metrics tells of the open lane what its keeper needs to know, and of nobody who
// was there.
func (s *served) metrics() []node.Metric {
	running, refused := s.lane.Downloads()
	return []node.Metric{
		{Name: "kua_lane_downloads", Help: "downloads of all cases that run in this process", Value: running},
		{Name: "kua_lane_downloads_limit", Help: "how many may run at once", Value: lane.MaxDownloads},
		{Name: "kua_lane_downloads_refused_total", Help: "downloads of all cases that were refused because so many ran", Value: refused, Rises: true},
	}
}

func answerJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(b)
	return err
}
