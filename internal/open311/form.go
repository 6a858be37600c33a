package open311

import (
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/fault"
)

// Submission is what POST requests brings. Who submits need not give any name
// or contact: the standard makes them optional.
type Submission struct {
	Jurisdiction               string
	ServiceCode                string
	Place                      *Point
	Address, AddressID         string
	Answers                    map[string][]string // attribute code → answers
	Description                string
	Email, FirstName, LastName string
	Phone, DeviceID, AccountID string
	MediaURLs                  []string
}

var attributeName = regexp.MustCompile(`^attribute\[([^\[\]]{1,200})\](\[\])?$`)

// ParseSubmission reads the form of POST requests for a service and its
// questions. It gives every problem it finds, faults of the kinds invalid and
// too large, and the submission only when there is none. Unknown parameters are
// passed over, and an empty one is as absent (GeoReport v2).
func ParseSubmission(form url.Values, asked Definition) (Submission, []error) {
	f := reader{form: form}
	s := Submission{
		Jurisdiction: f.text("jurisdiction_id"), ServiceCode: f.text("service_code"),
		Address: f.text("address_string"), AddressID: f.text("address_id"), Description: f.text("description"),
		Email: f.text("email"), FirstName: f.text("first_name"), LastName: f.text("last_name"), Phone: f.text("phone"),
		DeviceID: f.text("device_id"), AccountID: f.text("account_id"), MediaURLs: f.texts("media_url"),
		Answers: make(map[string][]string),
	}
	s.Place = f.place()
	if s.ServiceCode == "" {
		f.complain(fault.Invalid("open311.missing", "service_code"))
	}
	if s.Place == nil && s.Address == "" && s.AddressID == "" {
		f.complain(fault.Invalid("open311.no_place"))
	}
	if utf8.RuneCountInString(s.Description) > MaxDescription {
		f.complain(fault.TooLarge("open311.description_long", MaxDescription))
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if m := attributeName.FindStringSubmatch(name); m != nil {
			if given := f.texts(name); len(given) > 0 {
				s.Answers[m[1]] = append(s.Answers[m[1]], given...)
			}
		}
	}
	for _, a := range asked.Attributes {
		f.complain(a.check(s.Answers[a.Code]))
	}
	if len(f.problems) > 0 {
		return Submission{}, f.problems
	}
	return s, nil
}

// check holds the answers to a question against it.
func (a Attribute) check(given []string) error {
	if !a.Variable {
		return nil
	}
	if len(given) == 0 {
		if a.Required {
			return fault.Invalid("open311.missing", "attribute["+a.Code+"]")
		}
		return nil
	}
	if len(given) > 1 && a.Datatype != MultiValueList {
		return fault.Invalid("open311.one_answer", a.Code)
	}
	for _, v := range given {
		ok := true
		switch a.Datatype {
		case Number:
			n, err := strconv.ParseFloat(v, 64)
			ok = err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
		case Datetime:
			_, err := parseMoment(v)
			ok = err == nil
		case SingleValueList, MultiValueList:
			ok = slices.ContainsFunc(a.Values, func(o Value) bool { return o.Key == v })
		}
		if !ok {
			return fault.Invalid("open311.answer", a.Code)
		}
	}
	return nil
}

// Query is what GET requests asks. IDs override everything else.
type Query struct {
	Jurisdiction                string
	IDs, Codes, Statuses        []string
	From, To                    time.Time // of requested_datetime
	UpdatedAfter, UpdatedBefore time.Time // zero for none
	Page, PageSize              int       // from 1
}

// ParseQuery reads the parameters of GET requests at an instant. Without dates
// it asks for the last 90 days; with one of them, for the 90 days that it
// begins or ends. Faults of the kind invalid, every one that it finds.
func ParseQuery(form url.Values, now time.Time) (Query, []error) {
	f := reader{form: form}
	q := Query{
		Jurisdiction: f.text("jurisdiction_id"), IDs: f.comma("service_request_id"), Codes: f.comma("service_code"), Statuses: f.comma("status"),
		From: f.moment("start_date"), To: f.moment("end_date"), UpdatedAfter: f.moment("updated_after"), UpdatedBefore: f.moment("updated_before"),
		Page: f.count("page", 1, math.MaxInt32), PageSize: f.count("page_size", MaxListed, MaxListed),
	}
	switch {
	case q.From.IsZero() && q.To.IsZero():
		q.From, q.To = now.Add(-MaxSpan), now
	case q.From.IsZero():
		q.From = q.To.Add(-MaxSpan)
	case q.To.IsZero():
		q.To = q.From.Add(MaxSpan)
	}
	if len(q.IDs) == 0 && (q.To.Before(q.From) || q.To.Sub(q.From) > MaxSpan) {
		f.complain(fault.Invalid("open311.span", int(MaxSpan/(24*time.Hour))))
	}
	for _, s := range q.Statuses {
		if s != "open" && s != "closed" {
			f.complain(fault.Invalid("open311.status", s))
		}
	}
	if len(q.IDs) > MaxListed {
		f.complain(fault.Invalid("open311.too_many", MaxListed))
	}
	return q, f.problems
}

// Change is what POST servicerequestupdates brings.
type Change struct {
	Jurisdiction, RequestID, UpdateID string
	Status                            string // in small letters; one of UpdateStatuses
	Updated                           time.Time
	Description                       string
	FirstName, LastName, Email, Phone string
	MediaURLs                         []string
}

// ParseChange reads the form of POST servicerequestupdates. Faults of the kinds
// invalid and too large, every one that it finds.
func ParseChange(form url.Values) (Change, []error) {
	f := reader{form: form}
	c := Change{
		Jurisdiction: f.text("jurisdiction_id"), RequestID: f.text("service_request_id"), UpdateID: f.text("update_id"),
		Status: strings.ToLower(f.text("status")), Updated: f.moment("updated_datetime"), Description: f.text("description"),
		FirstName: f.text("first_name"), LastName: f.text("last_name"), Email: f.text("email"), Phone: f.text("phone"), MediaURLs: f.texts("media_url"),
	}
	for _, name := range []string{"service_request_id", "update_id", "status", "updated_datetime"} {
		if f.text(name) == "" {
			f.complain(fault.Invalid("open311.missing", name))
		}
	}
	if c.Status != "" && !slices.Contains(UpdateStatuses, c.Status) {
		f.complain(fault.Invalid("open311.status", c.Status))
	}
	if utf8.RuneCountInString(c.Description) > MaxDescription {
		f.complain(fault.TooLarge("open311.description_long", MaxDescription))
	}
	if len(f.problems) > 0 {
		return Change{}, f.problems
	}
	return c, nil
}

// reader takes parameters out of a form and gathers what is wrong.
type reader struct {
	form     url.Values
	problems []error
}

func (f *reader) complain(err error) {
	if err != nil {
		f.problems = append(f.problems, err)
	}
}

func (f *reader) text(name string) string {
	if all := f.texts(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// texts gives what stands under a name and is not empty.
func (f *reader) texts(name string) []string {
	var all []string
	for _, v := range f.form[name] {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		if !utf8.ValidString(v) {
			f.complain(fault.Invalid("open311.not_utf8", name))
			continue
		}
		all = append(all, v)
	}
	return all
}

func (f *reader) comma(name string) []string {
	var all []string
	for _, v := range strings.Split(f.text(name), ",") {
		if v = strings.TrimSpace(v); v != "" {
			all = append(all, v)
		}
	}
	return all
}

func (f *reader) moment(name string) time.Time {
	v := f.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := parseMoment(v)
	if err != nil {
		f.complain(fault.Invalid("open311.date", name).Because(err))
	}
	return t
}

func (f *reader) count(name string, absent, most int) int {
	v := f.text(name)
	if v == "" {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		f.complain(fault.Invalid("open311.number", name, most))
		return absent
	}
	return n
}

func (f *reader) place() *Point {
	lat, long := f.text("lat"), f.text("long")
	if lat == "" && long == "" {
		return nil
	}
	p, ok := parsePoint(lat, long)
	if !ok {
		f.complain(fault.Invalid("open311.coordinates"))
		return nil
	}
	return &p
}

func parsePoint(lat, long string) (Point, bool) {
	y, err1 := strconv.ParseFloat(lat, 64)
	x, err2 := strconv.ParseFloat(long, 64)
	ok := err1 == nil && err2 == nil && math.Abs(y) <= 90 && math.Abs(x) <= 180 // false for NaN
	return Point{Lat: y, Long: x}, ok
}

// parseMoment reads W3C-DTF with its zone: of an instant without one nobody
// knows when it was.
func parseMoment(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err == nil && (t.Year() < 1970 || t.Year() > 9999) {
		err = fault.Invalid("open311.date", s)
	}
	return t, err
}

// Form gives the parameters under which POST requests takes the submission.
func (s Submission) Form() url.Values {
	v := url.Values{}
	set(v, map[string]string{
		"service_code": s.ServiceCode, "address_string": s.Address, "address_id": s.AddressID, "description": s.Description,
		"email": s.Email, "first_name": s.FirstName, "last_name": s.LastName, "phone": s.Phone, "device_id": s.DeviceID, "account_id": s.AccountID,
	})
	if s.Place != nil {
		v.Set("lat", degrees(s.Place.Lat))
		v.Set("long", degrees(s.Place.Long))
	}
	for code, given := range s.Answers {
		name := "attribute[" + code + "]"
		if len(given) > 1 {
			name += "[]"
		}
		v[name] = given
	}
	if len(s.MediaURLs) > 0 {
		v["media_url"] = s.MediaURLs
	}
	return v
}

// Form gives the parameters under which POST servicerequestupdates takes the
// change. FixMyStreet writes the status in capitals and "-" for no name.
func (c Change) Form() url.Values {
	v := url.Values{}
	set(v, map[string]string{
		"service_request_id": c.RequestID, "update_id": c.UpdateID, "status": strings.ToUpper(c.Status), "updated_datetime": moment(c.Updated),
		"description": c.Description, "first_name": c.FirstName, "last_name": c.LastName, "email": c.Email, "phone": c.Phone,
	})
	if len(c.MediaURLs) > 0 {
		v["media_url"] = c.MediaURLs
	}
	return v
}

// set leaves out what is empty: some servers choke on it.
func set(v url.Values, texts map[string]string) {
	for name, text := range texts {
		if text != "" {
			v.Set(name, text)
		}
	}
}
