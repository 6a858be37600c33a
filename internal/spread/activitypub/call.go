package activitypub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"kua/internal/actor"
	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/spread"
)

// What a stranger's server is given.
const (
	patience  = 10 * time.Second // for one call, redirects and all
	maxAnswer = 256 << 10
	redirects = 2
)

// stranger fetches what an account elsewhere says of itself.
func (a account) stranger(ctx context.Context, id string) (actor.Stranger, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at := id
	for range redirects + 1 {
		resp, err := a.call(ctx, http.MethodGet, at, nil)
		if err != nil {
			return actor.Stranger{}, err
		}
		if resp.StatusCode/100 == 3 {
			next, err := resp.Request.URL.Parse(resp.Header.Get("Location"))
			resp.Body.Close()
			if err != nil {
				return actor.Stranger{}, refused(fault.Invalid("actor.stranger"))
			}
			at = next.String()
			continue
		}
		document, err := answer(resp)
		if err != nil {
			return actor.Stranger{}, err
		}
		s, err := actor.ReadStranger(document, id)
		if err != nil || !sameHost(at, id) {
			return actor.Stranger{}, refused(fault.Invalid("actor.stranger").Because(err))
		}
		return s, nil
	}
	return actor.Stranger{}, refused(fault.Invalid("actor.stranger"))
}

func sameHost(a, b string) bool {
	u, err1 := url.Parse(a)
	v, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && u.Host == v.Host
}

// answer reads a document of the network. Of another type it is none: what people
// put up as files at a server is not what that server says of them.
func answer(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	if err := judge(resp); err != nil {
		return nil, err
	}
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != actor.Type && !(kind == "application/ld+json" && params["profile"] == "https://www.w3.org/ns/activitystreams") {
		return nil, refused(fault.Invalid("actor.stranger"))
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, later(resp.Request.URL.Host, err)
	}
	if len(b) > maxAnswer {
		return nil, refused(fault.TooLarge("actor.stranger"))
	}
	return b, nil
}

// Tell posts an activity to an inbox, signed, and follows no redirect.
func (a account) Tell(ctx context.Context, inbox string, activity []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := a.call(ctx, http.MethodPost, inbox, activity)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return judge(resp)
}

// judge sorts what a server said.
func judge(resp *http.Response) error {
	host, status := resp.Request.URL.Host, resp.StatusCode
	switch {
	case status/100 == 2:
		return nil
	case status == http.StatusGone || status == http.StatusNotFound:
		return &spread.Failure{Outcome: spread.Gone, Err: fault.NotFound("spread.activitypub.refused", host, status)}
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status/100 == 5:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &spread.Failure{Outcome: spread.NotDone, After: time.Duration(min(max(seconds, 0), 1<<20)) * time.Second, Err: fault.Later("spread.activitypub.refused", host, status)}
	}
	return refused(fault.Invalid("spread.activitypub.refused", host, status))
}

// call makes one signed call to an address that a stranger named. Servers want to
// know who asks for what their people say, so a GET is signed too.
func (a account) call(ctx context.Context, method, address string, body []byte) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || !(u.Scheme == "https" && u.Port() == "" && onion.PublicName(u.Hostname())) && !(a.kind.Near && onion.Loopback(u.Hostname())) {
		return nil, refused(fault.Invalid("spread.activitypub.address"))
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, refused(fault.Invalid("spread.activitypub.address").Because(err))
	}
	r.Header.Set("User-Agent", "Kua (+"+a.Base+"/)")
	r.Header.Set("Accept", actor.Type)
	if body != nil {
		r.Header.Set("Content-Type", actor.Type)
	}
	if err := actor.Sign(r, body, a.KeyID(), a.key, a.kind.Now()); err != nil {
		return nil, err
	}
	client := *a.kind.HTTP
	client.Timeout = 0 // ctx has it
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if errors.Is(err, fault.Invalid("onion.not_public")) {
		return nil, refused(fault.Invalid("spread.activitypub.address"))
	}
	if err != nil {
		return nil, later(u.Host, err)
	}
	return resp, nil
}

// later is the failure of a call that broke: in this network it may be made again,
// whether it arrived or not.
func later(host string, err error) error {
	if f, ok := fault.Of(err); ok {
		return &spread.Failure{Outcome: spread.NotDone, Err: f} // of the road itself
	}
	return &spread.Failure{Outcome: spread.NotDone, Err: fault.Later("spread.activitypub.unreachable", host).Because(err)}
}
