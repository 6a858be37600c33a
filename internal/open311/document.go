package open311

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Format is how an answer is written.
type Format string

// The formats of GeoReport v2. XML is mandatory for servers.
const (
	XML  Format = "xml"
	JSON Format = "json"
)

// Type is the media type of an answer in the format.
func (f Format) Type() string {
	if f == JSON {
		return "application/json; charset=utf-8"
	}
	return "text/xml; charset=utf-8"
}

// Document is one answer. Both formats are written from the same tree, so that
// they say the same: JSON is XML by the Spark convention, the root left out, a
// container of items an array even of one, an empty element null.
type Document struct {
	root string
	body any // list or object
}

type (
	object []field
	field  struct {
		name  string
		value any // string, bool, int, float64, list or object
	}
	list struct {
		item  string
		items []any // object or string
	}
)

// Services is the answer to GET services.
func Services(all []Service) Document {
	l := list{item: "service"}
	for _, s := range all {
		l.items = append(l.items, object{
			{"service_code", s.Code}, {"service_name", s.Name}, {"description", s.Description}, {"metadata", s.Metadata},
			{"type", s.Type}, {"keywords", strings.Join(s.Keywords, ",")}, {"group", s.Group},
		})
	}
	return Document{"services", l}
}

// Document is the answer to GET services/CODE.
func (d Definition) Document() Document {
	attributes := list{item: "attribute"}
	for _, a := range d.Attributes {
		values := list{item: "value"}
		for _, v := range a.Values {
			values.items = append(values.items, object{{"key", v.Key}, {"name", v.Name}})
		}
		attributes.items = append(attributes.items, object{
			{"variable", a.Variable}, {"code", a.Code}, {"datatype", string(a.Datatype)}, {"required", a.Required},
			{"datatype_description", a.Hint}, {"order", a.Order}, {"description", a.Description}, {"values", values},
		})
	}
	return Document{"service_definition", object{{"service_code", d.ServiceCode}, {"attributes", attributes}}}
}

// Requests is the answer to GET requests and GET requests/ID.
func Requests(all []Request) Document {
	l := list{item: "request"}
	for _, r := range all {
		var lat, long any = "", ""
		if r.Place != nil {
			lat, long = r.Place.Lat, r.Place.Long
		}
		l.items = append(l.items, object{
			{"service_request_id", r.ID}, {"status", r.Status}, {"status_notes", r.StatusNotes},
			{"service_name", r.ServiceName}, {"service_code", r.ServiceCode}, {"description", r.Description},
			{"agency_responsible", r.Agency}, {"service_notice", r.Notice},
			{"requested_datetime", moment(r.Requested)}, {"updated_datetime", moment(r.Updated)}, {"expected_datetime", moment(r.Expected)},
			{"address", r.Address}, {"address_id", r.AddressID}, {"zipcode", r.Zipcode}, {"lat", lat}, {"long", long}, {"media_url", r.MediaURL},
		})
	}
	return Document{"service_requests", l}
}

// Document is the answer to POST requests.
func (a Accepted) Document() Document {
	first := field{"service_request_id", a.ID}
	if a.ID == "" {
		first = field{"token", a.Token}
	}
	return Document{"service_requests", list{"request", []any{object{first, {"service_notice", a.Notice}, {"account_id", a.AccountID}}}}}
}

// Token is the answer to GET tokens/TOKEN; id is empty while there is none.
func Token(token, id string) Document {
	return Document{"service_requests", list{"request", []any{object{{"service_request_id", id}, {"token", token}}}}}
}

// Updates is the answer to GET servicerequestupdates.
func Updates(all []Update) Document {
	l := list{item: "request_update"}
	for _, u := range all {
		l.items = append(l.items, object{
			{"update_id", u.ID}, {"service_request_id", u.RequestID}, {"status", u.Status},
			{"updated_datetime", moment(u.Updated)}, {"description", u.Description}, {"media_url", u.MediaURL},
		})
	}
	return Document{"service_request_updates", l}
}

// UpdateAccepted is the answer to POST servicerequestupdates.
func UpdateAccepted(id string) Document {
	return Document{"service_request_updates", list{"request_update", []any{object{{"update_id", id}}}}}
}

// Problems is an answer that refuses.
func Problems(all []Problem) Document {
	l := list{item: "error"}
	for _, p := range all {
		l.items = append(l.items, object{{"code", p.Code}, {"description", p.Description}})
	}
	return Document{"errors", l}
}

// Document is the discovery document.
func (d Discovery) Document() Document {
	endpoints := list{item: "endpoint"}
	for _, e := range d.Endpoints {
		formats := list{item: "format"}
		for _, f := range e.Formats {
			formats.items = append(formats.items, f)
		}
		endpoints.items = append(endpoints.items, object{
			{"specification", Specification}, {"url", e.URL}, {"changeset", moment(e.Changeset)}, {"type", e.Type}, {"formats", formats},
		})
	}
	return Document{"discovery", object{
		{"changeset", moment(d.Changeset)}, {"contact", d.Contact}, {"key_service", d.KeyService}, {"endpoints", endpoints},
	}}
}

// moment writes an instant as W3C-DTF with its zone (which the standard demands
// and many servers forget), or nothing for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// Write writes the document in a format. It fails only as w does.
func (d Document) Write(w io.Writer, f Format) error {
	var b bytes.Buffer
	if f == JSON {
		writeJSON(&b, d.body)
		b.WriteByte('\n')
	} else {
		b.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
		writeXML(&b, d.root, d.body)
		b.WriteByte('\n')
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeXML(b *bytes.Buffer, name string, value any) {
	b.WriteString("<" + name + ">")
	switch v := value.(type) {
	case object:
		for _, f := range v {
			writeXML(b, f.name, f.value)
		}
	case list:
		for _, item := range v.items {
			writeXML(b, v.item, item)
		}
	default:
		_ = xml.EscapeText(b, []byte(scalar(v))) // a bytes.Buffer takes everything
	}
	b.WriteString("</" + name + ">")
}

func writeJSON(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case object:
		b.WriteByte('{')
		for i, f := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + f.name + `":`)
			writeJSON(b, f.value)
		}
		b.WriteByte('}')
	case list:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, item)
		}
		b.WriteByte(']')
	case string:
		text := scalar(v)
		if text == "" {
			b.WriteString("null")
			return
		}
		quoted, _ := json.Marshal(text) // a string always can be
		b.Write(quoted)
	default:
		b.WriteString(scalar(v))
	}
}

// scalar writes one value as text. What XML 1.0 cannot carry is left out of
// texts in both formats alike.
func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return strings.Map(func(r rune) rune {
			if r == utf8.RuneError || r < ' ' && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff {
				return -1
			}
			return r
		}, v)
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		return degrees(v)
	}
	panic("open311: a value of no known kind")
}

// degrees writes a coordinate to a centimetre, always with a decimal point:
// readers take a number without one for an integer.
func degrees(v float64) string {
	s := strconv.FormatFloat(math.Round(v*1e7)/1e7, 'f', -1, 64)
	whole, part, _ := strings.Cut(s, ".")
	return whole + "." + part + strings.Repeat("0", max(0, 5-len(part)))
}
