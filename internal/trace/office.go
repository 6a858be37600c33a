package trace

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// office reads the XML parts of documents. The words that the document shows are
// not traces and are left out; names, times, numbers, comments, crossed out and
// hidden words are told.
type office struct {
	src   *source
	sheet *Sheet
	seen  map[string]bool // told already: a document repeats itself
}

// officeKinds say what an attribute or an element of that name is about.
var officeKinds = map[string]Kind{
	"author": Person, "initials": Person, "lastmodifiedby": Person, "creator": Person, "initial-creator": Person, "manager": Person, "company": Person,
	"userid": Person, "displayname": Person, "username": Person, "printed-by": Person, "creator-initials": Person, "sender-initials": Person, "providerid": Person,
	"date": Time, "dt": Time, "datetime": Time, "created": Time, "modified": Time, "lastprinted": Time, "creation-date": Time, "print-date": Time, "changed": Time,
	"application": Software, "appversion": Software, "generator": Software, "lastedited": Software, "lowestedited": Software, "rupbuild": Software,
	"totaltime": History, "revision": History, "editing-cycles": History, "editing-duration": History, "template": Software,
	"docid": Serial, "documentid": Serial, "instanceid": Serial, "uniqueid": Serial, "abspath": Text, "url": Text, "guid": Serial,
	"deltext": History, "delinstrtext": History, "instrtext": Text, "docvar": Text,
}

// whole parts of which every word is told.
func everyWord(name string) bool {
	lower := strings.ToLower(name)
	for _, p := range []string{"docprops/", "meta.xml", "comment", "customxml/", "people", "persons/", "notesslides/", "meta-inf/documentsignatures", "_xmlsignatures", "manifest.rdf"} {
		if strings.Contains(lower, p) {
			return true
		}
	}
	return false
}

// element is one open element of a part.
type element struct {
	name   string
	told   Kind // its words are told as this kind
	hidden bool
}

type officePart struct {
	*office
	where  string
	every  bool
	stack  []element
	hidden map[string]bool // styles that hide their words
	style  string
	vanish bool
}

// part reads one XML part.
func (o *office) part(name string, b []byte) error {
	if strings.Contains(string(b[:min(len(b), 2048)]), "<x:xmpmeta") {
		return readXMP(o.src, o.sheet, name, b)
	}
	p := &officePart{office: o, where: name, every: everyWord(name), hidden: make(map[string]bool)}
	d := lenientXML(b)
	for {
		tok, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				o.sheet.gap(name, "broken", 0)
				if p.every {
					o.sheet.words(Text, name, "XML", b)
				}
			}
			return nil
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if len(p.stack) >= 4*maxXMLDepth {
				o.sheet.gap(name, "too_deep", 0)
				return nil
			}
			p.open(t)
		case xml.EndElement:
			if n := len(p.stack); n > 0 {
				if p.stack[n-1].name == "r" {
					p.vanish = false
				}
				p.stack = p.stack[:n-1]
			}
		case xml.CharData:
			p.words(strings.TrimSpace(string(t)))
		case xml.Comment:
			p.tell(Text, "comment", strings.TrimSpace(string(t)))
		}
	}
}

func (p *officePart) open(t xml.StartElement) {
	name := t.Name.Local
	e := element{name: name}
	if n := len(p.stack); n > 0 {
		e.told, e.hidden = p.stack[n-1].told, p.stack[n-1].hidden
	}
	switch name {
	case "del", "ins", "moveFrom", "moveTo", "deletion", "insertion", "tracked-changes", "delText":
		e.told = History
	case "annotation":
		e.told = Text
	case "vanish", "specVanish", "webHidden":
		p.vanish = true
	case "hidden-text", "hidden-paragraph":
		e.hidden = true
	}
	for _, a := range t.Attr {
		p.attribute(&e, t, a)
	}
	p.stack = append(p.stack, e)
}

func (p *officePart) attribute(e *element, t xml.StartElement, a xml.Attr) {
	local, lower := a.Name.Local, strings.ToLower(a.Name.Local)
	if a.Name.Space == "xmlns" || local == "xmlns" || a.Value == "" {
		return
	}
	element := t.Name.Local
	switch {
	case strings.HasPrefix(lower, "rsid") || strings.HasPrefix(element, "rsid"):
		p.once(Serial, "rsid", a.Value)
	case element == "style" && local == "name":
		p.style = a.Value
	case local == "display" && a.Value == "none" && p.style != "":
		p.hidden[p.style] = true
	case local == "style-name":
		e.hidden = e.hidden || p.hidden[a.Value]
	case element == "docVar" || element == "docId":
		p.once(officeKinds[strings.ToLower(element)], element+"/"+local, a.Value)
	case element == "cmAuthor" && local == "name", element == "presenceInfo", element == "person" && local == "displayName":
		p.once(Person, element+"/"+local, a.Value)
	case element == "Relationship" && local == "Target":
		for _, b := range t.Attr {
			if b.Name.Local == "TargetMode" && b.Value == "External" {
				p.once(Text, "ExternalTarget", a.Value)
			}
		}
	case local == "href" && strings.Contains(a.Value, ":"):
		p.once(Text, "href", a.Value)
	case element == "sheet" && local == "state":
		p.once(Text, "HiddenSheet", attr(t, "name"))
	case officeKinds[lower] != "" && (lower != "date" || strings.ContainsAny(a.Value, "-:")) && local != "url":
		p.once(officeKinds[lower], element+"/"+local, a.Value)
	case element == "absPath" || element == "user-defined" || element == "property":
		p.once(Text, element+"/"+local, a.Value)
	case strings.Contains(strings.ToLower(p.where), "customxml/"), element == "SignatureLine":
		p.once(Text, element+"/"+local, a.Value)
	case lower == "string-value" || lower == "alt" || lower == "descr":
		p.once(Text, element+"/"+local, a.Value)
	}
}

func attr(t xml.StartElement, local string) string {
	for _, a := range t.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// words tells the words of an element where they are not what the document shows.
func (p *officePart) words(text string) {
	if text == "" || len(p.stack) == 0 {
		return
	}
	e := p.stack[len(p.stack)-1]
	kind := officeKinds[strings.ToLower(e.name)]
	switch {
	case kind != "" && (p.every || e.told != "" || kind == History || e.name == "instrText" || e.name == "creator" || e.name == "date"):
		p.once(kind, e.name, text)
	case e.told != "":
		p.tell(e.told, e.name, text)
	case e.hidden || p.vanish && (e.name == "t" || e.name == "instrText"):
		p.tell(Text, "hidden "+e.name, text)
	case p.every:
		p.tell(Text, e.name, text)
	case e.name == "config-item":
		if !map[string]bool{"true": true, "false": true}[text] && !number(text) {
			p.once(Device, e.name, text)
		}
	}
}

func number(s string) bool { return strings.Trim(s, "0123456789.-") == "" }

// once tells a value the first time it comes.
func (p *officePart) once(kind Kind, name, value string) {
	if value == "" || kind == "" {
		return
	}
	key := string(kind) + "\x00" + name + "\x00" + value
	if len(key) < 512 {
		if p.seen[key] || len(p.seen) > maxFacts {
			return
		}
		p.seen[key] = true
	}
	p.tell(kind, name, value)
}

func (p *officePart) tell(kind Kind, name, value string) {
	if value == "" {
		return
	}
	where := p.where + "/" + name
	if kind == Time {
		f := Fact{Kind: Time, Where: where, Name: name, Value: value, Zone: zoneOf(value)}
		if strings.HasPrefix(p.where, "word/") || strings.HasPrefix(p.where, "xl/") {
			f.Zone = "local" // Word writes the clock on the wall and a Z behind it
		}
		p.sheet.fact(f)
		return
	}
	p.sheet.text(kind, where, name, []byte(value))
}
