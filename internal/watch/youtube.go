package watch

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// YouTube asks YouTube's Data API, version 3, for the state of a film: videos.list
// with the parts status and contentDetails, as its discovery document describes
// them. Nobody is asked unless a key was given.
type YouTube struct {
	Key  string
	Base string // "" for https://www.googleapis.com
}

var filmID = regexp.MustCompile(`^[A-Za-z0-9_-]{6,20}$`)

// film finds the film's id in the forms of address that YouTube has.
func film(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	id := u.Query().Get("v")
	if rest, ok := strings.CutPrefix(u.Path, "/shorts/"); ok {
		id = rest
	} else if strings.TrimPrefix(u.Hostname(), "www.") == "youtu.be" {
		id = strings.Trim(u.Path, "/")
	}
	if !filmID.MatchString(id) {
		return ""
	}
	return id
}

type films struct {
	Items []struct {
		ID     string `json:"id"`
		Status struct {
			Upload  string `json:"uploadStatus"`
			Reject  string `json:"rejectionReason"`
			Privacy string `json:"privacyStatus"`
		} `json:"status"`
		Details struct {
			Region struct {
				Allowed []string `json:"allowed"`
				Blocked []string `json:"blocked"`
			} `json:"regionRestriction"`
		} `json:"contentDetails"`
	} `json:"items"`
}

// The reasons that the API has for a film that was rejected.
var rejections = []string{"claim", "copyright", "duplicate", "inappropriate", "legal", "length", "termsOfUse", "trademark", "uploaderAccountClosed", "uploaderAccountSuspended"}

func (p *Probe) lookYouTube(ctx context.Context, c Copy, o *Observation) error {
	id := film(c.URL)
	if id == "" {
		return nil // unknown: no film's address
	}
	base := p.YouTube.Base
	if base == "" {
		base = "https://www.googleapis.com"
	}
	query := url.Values{"part": {"status,contentDetails"}, "id": {id}, "key": {p.YouTube.Key}}
	a, f := p.get(ctx, base+"/youtube/v3/videos?"+query.Encode())
	if f != nil {
		return nil // the API was not reached, which says nothing of the film
	}
	o.saw(a)
	var list films
	if a.status != http.StatusOK || json.Unmarshal(a.body, &list) != nil {
		return nil
	}
	if len(list.Items) == 0 {
		o.Result = Removed // or made private: the API does not say which
		return nil
	}
	it := list.Items[0]
	region := it.Details.Region
	switch {
	case it.ID != id:
	case it.Status.Upload == "deleted":
		o.Result = Removed
	case it.Status.Upload == "rejected":
		o.Result = Removed
		if slices.Contains(rejections, it.Status.Reject) {
			o.Reason = it.Status.Reject
		}
	case it.Status.Privacy == "private":
		o.Result, o.Reason = Removed, "private"
	case len(region.Blocked) > 0:
		o.Result, o.Reason = Region, countries("blocked", region.Blocked)
	case len(region.Allowed) > 0:
		o.Result, o.Reason = Region, countries("allowed", region.Allowed)
	case it.Status.Upload == "processed" || it.Status.Upload == "uploaded":
		o.Result = OK
	}
	return nil
}

func countries(how string, list []string) string {
	var known []string
	for _, c := range list {
		if country.MatchString(c) && len(known) < 40 {
			known = append(known, c)
		}
	}
	return how + " " + strings.Join(known, ",")
}
