package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/redact"
)

// deskPlan prints an original's redaction plan, or saves one from a file.
func (a *app) deskPlan(f *deskFlags) *cobra.Command {
	onto := -1
	c := a.deskVerb(f, "plan ORIGINAL [FILE]", "cli.desk.plan", "plan --dir kua --as aigul 1 > plan.json && kua desk plan --dir kua --as aigul 1 plan.json",
		usage(cobra.RangeArgs(1, 2)),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			plan, version, err := s.Desk().Plan(ctx, id)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return printJSON(a.out, planFile{&version, plan})
			}
			var file planFile
			if err := readJSON(args[1], &file); err != nil {
				return err
			}
			if onto >= 0 {
				file.Onto = &onto
			}
			if file.Onto == nil {
				return fault.Invalid("cli.desk.plan.no_base")
			}
			if _, version, err = s.SavePlan(ctx, id, file.Plan, *file.Onto); err != nil {
				return err
			}
			a.say("cli.desk.saved", version)
			return nil
		})
	c.Flags().IntVar(&onto, "onto", -1, a.t("cli.flag.onto"))
	return c
}

// planFile is a plan as it is printed and read: with the saved version that it
// was made from, so that a mark that somebody saves meanwhile is not lost.
type planFile struct {
	Onto *int `json:"onto,omitempty"`
	redact.Plan
}

func (a *app) deskRender(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "render ORIGINAL", "cli.desk.render", "render --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			return a.render(ctx, s, id)
		})
}

// follow shows how far a job of the desk has come and gives what it failed with.
func (a *app) follow(ctx context.Context, s *desk.Seat, job int64, words string) error {
	bar, finish := a.share(words)
	done, err := s.Desk().WaitJob(ctx, job, func(j desk.Job) { bar(j.Done, j.Total) })
	finish()
	if err != nil {
		return err
	}
	return done.Fault
}

func (a *app) render(ctx context.Context, s *desk.Seat, original int64) error {
	job, err := s.Render(ctx, original)
	if err != nil {
		return err
	}
	if err := a.follow(ctx, s, job, "cli.desk.render.progress"); err != nil {
		return err
	}
	made, _, err := s.Desk().Derivatives(ctx, original)
	if err != nil {
		return err
	}
	for _, m := range made {
		a.say("cli.desk.rendered", m.Rung, m.Type, m.Width, m.Height, m.Size)
	}
	return nil
}

// deskDraft prints the draft of a case's record, or saves one from a file.
func (a *app) deskDraft(f *deskFlags) *cobra.Command {
	onto := -1
	c := a.deskVerb(f, "draft CASE [FILE]", "cli.desk.draft", "draft --dir kua --as aigul 1 > draft.json && kua desk draft --dir kua --as aigul 1 draft.json",
		usage(cobra.RangeArgs(1, 2)),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			draft, version, err := s.Desk().Draft(ctx, id)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return printJSON(a.out, draftFile{&version, draft})
			}
			var file draftFile
			if err := readJSON(args[1], &file); err != nil {
				return err
			}
			if onto >= 0 {
				file.Onto = &onto
			}
			if file.Onto == nil {
				if version > 0 {
					return fault.Invalid("cli.desk.draft.no_base", version)
				}
				file.Onto = &version // the first one, which no other can be lost by
			}
			if version, err = s.SaveDraft(ctx, id, file.Draft, *file.Onto); err != nil {
				return err
			}
			a.say("cli.desk.saved", version)
			lacks, err := s.Desk().CheckDraft(ctx, id)
			for _, l := range lacks {
				a.warn("cli.desk.lacks", l)
			}
			return err
		})
	c.Flags().IntVar(&onto, "onto", -1, a.t("cli.flag.draft_onto"))
	return c
}

// draftFile is a draft as it is printed and read: with the saved version that it was
// made from, so that what somebody saves meanwhile is not lost.
type draftFile struct {
	Onto *int `json:"onto,omitempty"`
	casefile.Draft
}

func (a *app) deskPropose(f *deskFlags) *cobra.Command {
	var checked bool
	c := a.deskVerb(f, "propose [CASE…]", "cli.desk.propose", "propose --dir kua --as aigul --checked 1", atLeast(0),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			cases := make([]int64, len(args))
			for i, arg := range args {
				var err error
				if cases[i], err = number(arg); err != nil {
					return err
				}
			}
			var ticked []string
			if len(cases) > 0 {
				ticked = a.checklist(checked)
			}
			p, err := s.Propose(ctx, ticked, cases...)
			if err != nil {
				return err
			}
			a.sayProposal(p)
			return nil
		})
	c.Flags().BoolVar(&checked, "checked", false, a.t("cli.flag.checked"))
	return c
}

func (a *app) sayProposal(p desk.Proposal) {
	a.say("cli.desk.proposal", p.ID, p.Edition, a.t("cli.desk.proposal."+string(p.State)), strings.Join(p.Signed, ", "), p.Needs, p.Manifest)
	if p.After != "" {
		a.warn("desk.clock_back", p.Made, p.After)
	}
	for _, r := range p.Records {
		a.say("cli.desk.proposal.record", r.ID, r.Version, r.SHA256)
	}
}

func (a *app) deskProposals(f *deskFlags) *cobra.Command {
	var asJSON bool
	c := a.deskVerb(f, "proposals", "cli.desk.proposals", "proposals --dir kua --as timur", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			all, err := s.Desk().Proposals(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				out := []proposalJSON{}
				for _, p := range all {
					out = append(out, proposalAsJSON(p))
				}
				return printJSON(a.out, out)
			}
			if len(all) == 0 {
				a.say("cli.desk.proposals.empty")
			}
			for _, p := range all {
				a.sayProposal(p)
			}
			return nil
		})
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	return c
}

// proposed is the proposal that an argument names by its number.
func proposed(ctx context.Context, s *desk.Seat, arg string) (desk.Proposal, error) {
	id, err := number(arg)
	if err != nil {
		return desk.Proposal{}, err
	}
	return s.Desk().Proposal(ctx, id)
}

func (a *app) deskApprove(f *deskFlags) *cobra.Command {
	var checked bool
	c := a.deskVerb(f, "approve PROPOSAL", "cli.desk.approve", "approve --dir kua --as timur --checked 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			p, err := proposed(ctx, s, args[0])
			if err != nil {
				return err
			}
			var ticked []string
			if showsSomething(p) {
				ticked = a.checklist(checked)
			}
			if p, err = s.Approve(ctx, p.ID, ticked); err != nil {
				return err
			}
			a.sayProposal(p)
			return nil
		})
	c.Flags().BoolVar(&checked, "checked", false, a.t("cli.flag.checked"))
	return c
}

func (a *app) deskDecline(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "decline PROPOSAL REASON", "cli.desk.decline", `decline --dir kua --as timur 1 "a plate is readable at 0:12"`, exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			return s.Decline(ctx, id, args[1])
		})
}

func (a *app) deskWithdraw(f *deskFlags) *cobra.Command {
	var lang string
	c := a.deskVerb(f, "withdraw CASE REASON", "cli.desk.withdraw", `withdraw --dir kua --as aigul 1 "the witness asked for it"`, exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			p, err := s.ProposeWithdrawal(ctx, id, casefile.Text{lang: args[1]})
			if err != nil {
				return err
			}
			a.sayProposal(p)
			return nil
		})
	c.Flags().StringVar(&lang, "reason-language", "en", a.t("cli.flag.reason_language"))
	return c
}

func (a *app) deskPublish(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "publish", "cli.desk.publish", "publish --dir kua --as timur", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error { return a.publish(ctx, s.Desk()) })
}

func (a *app) publish(ctx context.Context, d *desk.Desk) error {
	bar, finish := a.share("cli.desk.publish.progress")
	out, err := d.PublishAndTakeAway(ctx, func(_ string, done, total int64) { bar(done, total) })
	finish()
	if err != nil {
		return err
	}
	if out.Edition == 0 {
		return fault.Conflict("cli.desk.publish.nothing")
	}
	a.say("cli.desk.publish.done", out.Edition)
	if err := a.sayNodes(out.Nodes); err != nil {
		return err
	}
	a.sayStamps(out.Stamps)
	counts, err := d.PostCounts(ctx)
	if err == nil && counts.Queued > 0 { // withdrawals and what was confirmed: they wait for nobody
		err = a.sendPosts(ctx, d)
	}
	return err
}

func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, plainJSON(b.String()))
	return err
}

// plainJSON writes what would act on a terminal, and JSON lets stand as it is, by its
// numbers: the same JSON.
func plainJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0x7f && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// readJSON reads a file a person wrote: members that are not known are refused,
// so that a slip of the pen is not silently dropped.
func readJSON(path string, v any) error {
	in, err := os.Open(path)
	if err != nil {
		return fault.NotFound("witness.no_file", path).Because(err)
	}
	defer in.Close()
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.Invalid("cli.not_json", path, fmt.Sprint(err)).Because(err)
	}
	return nil
}
