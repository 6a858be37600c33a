package open311

import (
	"slices"
	"strconv"
	"strings"
)

// Services reads the answer to GET services. A service without a code is passed
// over.
func (a *Answer) Services() []Service {
	var all []Service
	for _, n := range a.items(1, "service_code", "service_name") {
		s := Service{
			Code: a.value(n, "service_code"), Name: a.value(n, "service_name"), Description: a.value(n, "description"),
			Metadata: a.truth(n, "metadata"), Type: a.value(n, "type"), Group: a.value(n, "group"),
		}
		if s.Code == "" {
			a.odd(OddWithoutID)
			continue
		}
		if strings.ContainsAny(s.Code, "/ ?#") {
			a.odd(OddSpelling)
		}
		for _, k := range strings.Split(a.value(n, "keywords"), ",") {
			if k = strings.TrimSpace(k); k != "" {
				s.Keywords = append(s.Keywords, k)
			}
		}
		all = append(all, s)
	}
	return all
}

// Definition reads the answer to GET services/CODE.
func (a *Answer) Definition() Definition {
	var d Definition
	for _, n := range a.items(0, "attributes", "service_code") {
		if d.ServiceCode == "" {
			d.ServiceCode = a.value(n, "service_code")
		}
	}
	for _, n := range a.items(2, "code") {
		at := Attribute{
			Variable: a.truth(n, "variable"), Code: a.value(n, "code"), Datatype: Datatype(a.value(n, "datatype")), Required: a.truth(n, "required"),
			Hint: a.value(n, "datatype_description"), Description: a.value(n, "description"),
		}
		at.Order, _ = strconv.Atoi(a.value(n, "order")) // 0: the server says nothing of it
		if at.Code == "" {
			a.odd(OddWithoutID)
			continue
		}
		if values := n.child("values"); values != nil {
			for _, v := range (&Answer{root: *values}).items(1, "key") {
				at.Values = append(at.Values, Value{Key: a.value(v, "key"), Name: a.value(v, "name")})
			}
		}
		d.Attributes = append(d.Attributes, at)
	}
	slices.SortStableFunc(d.Attributes, func(x, y Attribute) int { return x.Order - y.Order })
	return d
}

// Requests reads the answer to GET requests and GET requests/ID. A request
// without an id is passed over.
func (a *Answer) Requests() []Request {
	var all []Request
	for _, n := range a.items(1, "service_request_id") {
		r := Request{
			ID: a.value(n, "service_request_id"), Status: strings.ToLower(a.value(n, "status")), StatusNotes: a.value(n, "status_notes"),
			ServiceName: a.value(n, "service_name"), ServiceCode: a.value(n, "service_code"), Description: a.value(n, "description"),
			Agency: a.value(n, "agency_responsible"), Notice: a.value(n, "service_notice"),
			Requested: a.moment(n, "requested_datetime"), Updated: a.moment(n, "updated_datetime"), Expected: a.moment(n, "expected_datetime"),
			Address: a.value(n, "address"), AddressID: a.value(n, "address_id"), Zipcode: a.value(n, "zipcode"), MediaURL: a.value(n, "media_url"),
		}
		if r.ID == "" {
			a.odd(OddWithoutID)
			continue
		}
		if r.Status != "open" && r.Status != "closed" {
			a.odd(OddStatus)
			r.Status = "open"
		}
		if lat, long := a.value(n, "lat"), a.value(n, "long"); lat != "" || long != "" {
			if p, ok := parsePoint(lat, long); ok {
				r.Place = &p
			} else {
				a.odd(OddCoordinates)
			}
		}
		all = append(all, r)
	}
	return all
}

// Accepted reads the answer to POST requests and to GET tokens/TOKEN. ok is
// false while there is neither an id nor a token.
func (a *Answer) Accepted() (accepted Accepted, ok bool) {
	for _, n := range a.items(1, "service_request_id", "token") {
		c := Accepted{ID: a.value(n, "service_request_id"), Token: a.value(n, "token"), Notice: a.value(n, "service_notice"), AccountID: a.value(n, "account_id")}
		if c.ID != "" && c.Token != "" && c.ID == c.Token {
			a.odd(OddIDAndToken)
			c.ID = ""
		}
		if c.ID != "" || c.Token != "" {
			return c, true
		}
	}
	return Accepted{}, false
}

// Updates reads the answer to GET servicerequestupdates. What has no id, no
// request or no known time is passed over: it could be taken twice.
func (a *Answer) Updates() []Update {
	var all []Update
	for _, n := range a.items(1, "update_id") {
		u := Update{
			ID: a.value(n, "update_id"), RequestID: a.value(n, "service_request_id"), Status: strings.ToLower(a.value(n, "status")),
			Updated: a.moment(n, "updated_datetime"), Description: a.value(n, "description"), MediaURL: a.value(n, "media_url"),
		}
		if u.ID == "" || u.RequestID == "" || u.Updated.IsZero() {
			a.odd(OddWithoutID)
			continue
		}
		if !slices.Contains(UpdateStatuses, u.Status) {
			a.odd(OddStatus)
			u.Status = "unchanged"
		}
		all = append(all, u)
	}
	return all
}

// UpdateAccepted reads the answer to POST servicerequestupdates.
func (a *Answer) UpdateAccepted() (id string, ok bool) {
	for _, n := range a.items(1, "update_id") {
		if id = a.value(n, "update_id"); id != "" {
			return id, true
		}
	}
	return "", false
}

// Problems reads an answer that refuses; none where it is no such answer.
func (a *Answer) Problems() []Problem {
	var all []Problem
	for _, n := range a.items(1, "code", "description") {
		if n.child("datatype") != nil || n.child("service_code") != nil || n.child("service_request_id") != nil {
			continue
		}
		p := Problem{Description: a.value(n, "description")}
		p.Code, _ = strconv.Atoi(a.value(n, "code")) // 0: the server gave none
		all = append(all, p)
	}
	return all
}

// Discovery reads a discovery document.
func (a *Answer) Discovery() Discovery {
	d := Discovery{Changeset: a.moment(a.root, "changeset"), Contact: a.value(a.root, "contact"), KeyService: a.value(a.root, "key_service")}
	for _, n := range a.items(2, "url") {
		e := Endpoint{URL: a.value(n, "url"), Changeset: a.moment(n, "changeset"), Type: strings.ToLower(a.value(n, "type"))}
		if formats := n.child("formats"); formats != nil {
			for _, f := range formats.children {
				e.Formats = append(e.Formats, f.text)
			}
		}
		d.Endpoints = append(d.Endpoints, e)
	}
	return d
}
