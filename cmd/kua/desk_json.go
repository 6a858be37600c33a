package main

import (
	"time"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/evidence"
	"kua/internal/parcel"
)

// What the desk's lists are to a script (--json): the same words in every language,
// faults by their keys.

type receivedJSON struct {
	Parcel    string         `json:"parcel"`
	Number    int64          `json:"number"`
	Stage     casefile.Stage `json:"stage"`
	Size      int64          `json:"size"`
	Held      int64          `json:"held"`
	Day       string         `json:"day"` // first seen
	Unread    bool           `json:"unread"`
	Case      int64          `json:"case,omitempty"`
	What      string         `json:"what,omitempty"`
	Language  string         `json:"language,omitempty"`
	Fault     string         `json:"fault,omitempty"`
	Report    *parcel.Report `json:"report,omitempty"` // of one that is shown, as the witness sealed it
	Originals []originalJSON `json:"originals,omitempty"`
}

type originalJSON struct {
	ID     int64           `json:"id"`
	Name   string          `json:"name"`
	Size   int64           `json:"size"`
	SHA256 string          `json:"sha256"`
	Medium evidence.Medium `json:"medium"`
	Fault  string          `json:"fault,omitempty"`
}

func receivedAsJSON(r casefile.Received) receivedJSON {
	out := receivedJSON{Parcel: r.Parcel, Number: r.Number, Stage: r.Stage, Size: r.Size, Held: r.Held, Day: r.Day, Unread: r.Unread, Case: r.Case, Fault: r.Fault}
	if r.Report != nil {
		out.What, out.Language = r.Report.What, r.Report.Language
	}
	for _, o := range r.Originals {
		out.Originals = append(out.Originals, originalJSON{o.ID, o.Name, o.Size, o.SHA256, o.Medium, o.Fault})
	}
	return out
}

type caseJSON struct {
	Case     int64          `json:"case"`
	State    casefile.State `json:"state"`
	Title    string         `json:"title"`
	Assigned string         `json:"assigned,omitempty"`
	Record   string         `json:"record,omitempty"`
	Reports  int            `json:"reports"`
	Unread   int            `json:"unread"`
	Changed  time.Time      `json:"changed"`
}

func caseAsJSON(c casefile.Case) caseJSON {
	return caseJSON{c.ID, c.State, c.Title, c.Assigned, c.Record, c.Reports, c.Unread, c.Changed}
}

type proposalJSON struct {
	Proposal int64                `json:"proposal"`
	State    desk.ProposalState   `json:"state"`
	Edition  int                  `json:"edition"`
	Manifest string               `json:"manifest"`
	By       string               `json:"by"`
	Signed   []string             `json:"signed"`
	Needs    int                  `json:"needs"`
	Reason   string               `json:"reason,omitempty"`
	Records  []proposedRecordJSON `json:"records"`
}

type proposedRecordJSON struct {
	Case     int64  `json:"case"`
	Record   string `json:"record"`
	Version  int    `json:"version"`
	SHA256   string `json:"sha256"`
	Withdraw bool   `json:"withdraw,omitempty"`
}

func proposalAsJSON(p desk.Proposal) proposalJSON {
	out := proposalJSON{p.ID, p.State, p.Edition, p.Manifest, p.By, p.Signed, p.Needs, p.Reason, []proposedRecordJSON{}}
	for _, r := range p.Records {
		out.Records = append(out.Records, proposedRecordJSON{r.Case, r.ID, r.Version, r.SHA256, r.Withdraw})
	}
	return out
}

type statusJSON struct {
	Unread    int        `json:"unread"`
	Arriving  int        `json:"arriving"`
	Refused   int        `json:"refused"`
	Cases     int        `json:"cases"`
	Unsent    int        `json:"unsent"`
	Proposals int        `json:"proposals"`
	Behind    int        `json:"behind"`
	Failed    int        `json:"failed"`
	Unwrapped int        `json:"unwrapped"`
	Nodes     []nodeJSON `json:"nodes"`
}

type nodeJSON struct {
	URL     string `json:"url"`
	Edition int    `json:"edition"`
	Behind  bool   `json:"behind"`
	Unsent  int    `json:"unsent"`
	Fault   string `json:"fault,omitempty"` // in words
}

func (a *app) statusAsJSON(n desk.Counts, nodes []desk.NodeState) statusJSON {
	out := statusJSON{n.Unread, n.Arriving, n.Refused, n.Cases, n.Unsent, n.Proposals, n.Behind, n.Failed, n.Unwrapped, []nodeJSON{}}
	for _, s := range nodes {
		one := nodeJSON{URL: s.URL, Edition: s.Edition, Behind: s.Behind, Unsent: s.Unsent}
		if s.Fault != nil {
			one.Fault = a.words(s.Fault)
		}
		out.Nodes = append(out.Nodes, one)
	}
	return out
}
