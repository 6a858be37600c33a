// Package authority is the directory of a place, as data: its areas, the
// authorities and how to reach them, what can be reported, and who is bound to
// deal with what, where, since when and by which law. Routing is a pure function
// of it that gives its reasons.
//
// It holds no SQL and no HTTP, reads no clock and no network, and may be used by
// every room. spec/authority.md describes the folder that a directory is kept in.
package authority

import (
	"slices"

	"kua/internal/appeal"
	"kua/internal/locale"
)

// Directory is everything that routing and clocks stand on. It is a value: what
// was in force when a case was sent is the directory of that time.
type Directory struct {
	Info        Info
	Areas       []Area
	Authorities []Authority
	Categories  []Category
	Mandates    []Mandate
	Book        appeal.Book // the law and the calendars

	Former Former // of older versions; no file has it
}

// Info says which place a directory is of.
type Info struct {
	ID        string       `yaml:"id" json:"id"`
	Names     locale.Texts `yaml:"names" json:"names"`
	Country   string       `yaml:"country" json:"country"` // whose law holds: ISO 3166, lower case
	Languages []locale.Tag `yaml:"languages" json:"languages"`
	MadeUp    bool         `yaml:"made_up,omitempty" json:"made_up,omitempty"` // sample material; every page says so
	Note      locale.Texts `yaml:"note,omitempty" json:"note,omitempty"`
}

// Area is a piece of ground in a tree of areas.
type Area struct {
	ID     string
	Parent string // "" for the whole
	Kind   string // country, region, city, district, mahalla …: for people, no rule hangs on it
	Names  locale.Texts
	Shape  Shape // nil: it can be chosen, but no point lies in it

	line int
}

// ChannelKind is a way to reach an authority.
type ChannelKind string

// The channels.
const (
	Account ChannelKind = "account" // people of the authority sign in; a daily letter goes to the address, if there is one
	Link    ChannelKind = "link"    // a signed link per case goes to an e-mail address
	Open311 ChannelKind = "open311" // cases go to an endpoint of Open311 GeoReport v2
)

// Channel is one way to reach an authority. Keys and passwords are not in it.
type Channel struct {
	Kind         ChannelKind `yaml:"kind" json:"kind"`
	Address      string      `yaml:"address,omitempty" json:"address,omitempty"` // an e-mail address, or the endpoint's address
	Jurisdiction string      `yaml:"jurisdiction,omitempty" json:"jurisdiction,omitempty"`
	Language     locale.Tag  `yaml:"language,omitempty" json:"language,omitempty"` // in which it is written to
	Photos       PhotoRoad   `yaml:"photos,omitempty" json:"photos,omitempty"`     // of an endpoint
}

// PhotoRoad is how the photos that everybody may see reach an endpoint of Open311.
type PhotoRoad string

// The roads of photos.
const (
	PhotoLinks PhotoRoad = "links" // as media_url; default
	PhotoFiles PhotoRoad = "files" // as files of the form, for servers that take some
	NoPhotos   PhotoRoad = "none"
)

// Authority is an agency or office.
type Authority struct {
	ID        string       `yaml:"id" json:"id"`
	Names     locale.Texts `yaml:"names" json:"names"`
	Parent    string       `yaml:"parent,omitempty" json:"parent,omitempty"` // its superior
	Languages []locale.Tag `yaml:"languages" json:"languages"`
	Calendar  string       `yaml:"calendar,omitempty" json:"calendar,omitempty"` // "": its country's
	Channels  []Channel    `yaml:"channels,omitempty" json:"channels,omitempty"`

	line int
}

// Visibility is what everybody sees of a report at once.
type Visibility string

// The visibilities.
const (
	Public Visibility = "public" // all, with the point
	Coarse Visibility = "coarse" // all, with the point only roughly
	Held   Visibility = "held"   // nothing before somebody has looked
)

// Proof is what an answer needs that says it is mended.
type Proof string

// The proofs.
const (
	NoProof  Proof = "none"
	Photo    Proof = "photo"
	Document Proof = "document"
)

// QuestionKind is the form of an answer.
type QuestionKind string

// The kinds of questions.
const (
	Text   QuestionKind = "text"
	Number QuestionKind = "number"
	Date   QuestionKind = "date"
	YesNo  QuestionKind = "yes_no"
	One    QuestionKind = "one"  // of the choices
	Some   QuestionKind = "some" // of the choices
)

// Choice is one answer to choose.
type Choice struct {
	ID    string       `yaml:"id" json:"id"`
	Names locale.Texts `yaml:"names" json:"names"`
}

// Question is what a category asks besides what and where.
type Question struct {
	ID       string       `yaml:"id" json:"id"`
	Names    locale.Texts `yaml:"names" json:"names"`
	Kind     QuestionKind `yaml:"kind" json:"kind"`
	Required bool         `yaml:"required,omitempty" json:"required,omitempty"`
	Choices  []Choice     `yaml:"choices,omitempty" json:"choices,omitempty"`
}

// Category is a sort of report, in a tree.
type Category struct {
	ID         string       `yaml:"id" json:"id"` // also its service code in Open311
	Names      locale.Texts `yaml:"names" json:"names"`
	Parent     string       `yaml:"parent,omitempty" json:"parent,omitempty"`
	Visibility Visibility   `yaml:"visibility" json:"visibility"`
	Proof      Proof        `yaml:"proof" json:"proof"`
	Sealed     bool         `yaml:"sealed,omitempty" json:"sealed,omitempty"` // can endanger somebody: steered to the sealed lane
	Questions  []Question   `yaml:"questions,omitempty" json:"questions,omitempty"`

	line int
}

// Any stands for every category in a mandate: the authority to which falls back
// what no mandate names.
const Any = "*"

// Mandate binds an authority to a category in an area and all areas in it.
type Mandate struct {
	Category   string            `json:"category"`
	Area       string            `json:"area"`
	Authority  string            `json:"authority"`
	Span       appeal.Span       `json:"in_force,omitzero"`
	Act        string            `json:"act"`
	Article    string            `json:"article,omitempty"`
	Address    string            `json:"address,omitempty"` // where the act can be read
	Confidence appeal.Confidence `json:"confidence"`
	Checked    appeal.Check      `json:"checked,omitzero"`

	line int
}

// Inside gives an area and all areas that lie in it, those that are gone included.
func (d Directory) Inside(area string) []string {
	below := map[string][]string{}
	for _, all := range [][]Area{d.Areas, d.Former.Areas} {
		for _, a := range all {
			below[a.Parent] = append(below[a.Parent], a.ID)
		}
	}
	all, there := []string{area}, map[string]bool{area: true}
	for i := 0; i < len(all); i++ { // grows as it walks down
		for _, id := range below[all[i]] {
			if !there[id] {
				there[id], all = true, append(all, id)
			}
		}
	}
	return all
}

// Around gives an area and those that it lies in, the smallest first.
func (d Directory) Around(area string) (all []string) {
	for len(all) < len(d.Areas) && area != "" {
		all = append(all, area)
		i := slices.IndexFunc(d.Areas, func(a Area) bool { return a.ID == area })
		if i < 0 {
			break
		}
		area = d.Areas[i].Parent
	}
	return all
}
