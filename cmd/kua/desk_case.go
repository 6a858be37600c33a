package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/fault"
)

func (a *app) deskList(f *deskFlags) *cobra.Command {
	var asJSON bool
	c := a.deskVerb(f, "list", "cli.desk.list", "list --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			all, total := []receivedJSON{}, 0
			for page := 0; ; page++ {
				in, err := s.Desk().Inbox(ctx, page)
				if err != nil {
					return err
				}
				for _, r := range in.Reports {
					if all = append(all, receivedAsJSON(r)); !asJSON {
						fmt.Fprintln(w, strings.Join(a.reportLine(r), "\t"))
					}
				}
				total = in.Total
				if page+1 >= in.Pages {
					break
				}
			}
			if asJSON {
				return printJSON(a.out, all)
			}
			if total == 0 {
				a.say("cli.desk.list.empty")
			}
			return w.Flush()
		})
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	return c
}

// reportLine is one report of the inbox: id, stage, what, day, whether unread.
func (a *app) reportLine(r casefile.Received) []string {
	line := []string{r.Parcel, a.t("cli.desk.stage." + string(r.Stage))}
	if r.Stage == casefile.Arriving && r.Size > 0 {
		line[1] += fmt.Sprintf(" %d%%", 100*r.Held/r.Size)
	}
	what := "-"
	if r.Report != nil {
		what = a.t("cli.what." + r.Report.What)
	}
	if r.Fault != "" {
		what = a.words(&fault.Fault{Key: r.Fault, Args: r.FaultArgs})
	}
	line = append(line, what, r.Day)
	if r.Unread {
		line = append(line, a.t("cli.desk.unread"))
	}
	return line
}

func (a *app) deskShow(f *deskFlags) *cobra.Command {
	var asJSON bool
	c := a.deskVerb(f, "show PARCEL", "cli.desk.show", "show --dir kua --as aigul 3fa90c12", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			parcel, err := s.Desk().Named(ctx, args[0])
			if err != nil {
				return err
			}
			r, err := s.Report(ctx, parcel)
			if err != nil {
				return err
			}
			if asJSON {
				out := receivedAsJSON(r)
				out.Report = r.Report
				return printJSON(a.out, out)
			}
			a.sayReceived(r)
			return nil
		})
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	return c
}

// sayReceived tells a report. A stranger wrote it: nothing of it acts on the terminal.
func (a *app) sayReceived(r casefile.Received) {
	fmt.Fprintln(a.out, strings.Join(a.reportLine(r), "  "))
	if r.Report == nil {
		return
	}
	a.say("cli.desk.show.consent", yes(a, r.Report.Consent.Face), yes(a, r.Report.Consent.Voice), yes(a, r.Report.Consent.Place))
	for _, part := range []struct{ key, text string }{
		{"cli.desk.show.fear", r.Report.Fear}, {"cli.desk.show.when", r.Report.When},
		{"cli.desk.show.where", r.Report.Where}, {"cli.desk.show.text", r.Report.Text},
	} {
		if part.text != "" {
			a.say(part.key, plainText(part.text))
		}
	}
	if p := r.Report.Point; p != nil {
		a.say("cli.desk.show.point", fmt.Sprintf("%.5f, %.5f", p.Lat, p.Lon))
	}
	a.sayOriginals(r)
}

func (a *app) sayOriginals(r casefile.Received) {
	for _, o := range r.Originals {
		kind := o.Medium.Kind
		if kind == "" {
			kind = "unknown"
		}
		a.say("cli.desk.original", o.ID, plainLine(o.Name), a.t("cli.medium."+kind), o.Size)
		if o.Fault != "" {
			a.warn("cli.desk.original_fault", o.ID, error(&fault.Fault{Key: o.Fault}))
		}
	}
}

func yes(a *app, b bool) string {
	if b {
		return a.t("cli.yes")
	}
	return a.t("cli.no")
}

func (a *app) deskOpen(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "open PARCEL…", "cli.desk.open", "open --dir kua --as aigul 3fa90c12", atLeast(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			parcels, err := read(ctx, s, args)
			if err != nil {
				return err
			}
			id, err := s.OpenCase(ctx, parcels...)
			if err != nil {
				return err
			}
			a.say("cli.desk.open.done", id)
			return nil
		})
}

func (a *app) deskCases(f *deskFlags) *cobra.Command {
	var filter desk.CaseFilter
	var asJSON bool
	c := a.deskVerb(f, "cases", "cli.desk.cases", "cases --dir kua --as aigul --words bazaar", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			all := []caseJSON{}
			for page := 0; ; page++ {
				p, err := s.Desk().Cases(ctx, filter, page)
				if err != nil {
					return err
				}
				if p.Total == 0 && !asJSON {
					a.say("cli.desk.cases.empty")
				}
				for _, c := range p.Cases {
					if all = append(all, caseAsJSON(c)); !asJSON {
						fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", c.ID, a.t("cli.desk.state."+string(c.State)), c.Assigned, c.Record, plainLine(c.Title))
					}
				}
				if page+1 >= p.Pages {
					break
				}
			}
			if asJSON {
				return printJSON(a.out, all)
			}
			return w.Flush()
		})
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Flags().StringVar(&filter.Words, "words", "", a.t("cli.flag.words"))
	c.Flags().StringVar(&filter.Assigned, "assigned", "", a.t("cli.flag.assigned"))
	return c
}

func (a *app) deskCase(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "case CASE", "cli.desk.case", "case --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			v, err := s.Desk().Case(ctx, id)
			if err != nil {
				return err
			}
			a.sayCase(v)
			return nil
		})
}

func (a *app) sayCase(v desk.CaseView) {
	fmt.Fprintf(a.out, "%d  %s  %s\n", v.ID, a.t("cli.desk.state."+string(v.State)), plainLine(v.Title))
	if v.Withdrawn {
		a.say("withdrawn.case", v.Record)
	}
	for _, r := range v.Reports {
		fmt.Fprintln(a.out, strings.Join(a.reportLine(r), "  "))
		a.sayOriginals(r)
	}
	for _, n := range v.Notes {
		a.say("cli.desk.case.note", n.By, n.At.Format("2006-01-02 15:04"), plainText(n.Text))
	}
	for _, x := range v.Findings {
		a.say("cli.desk.case.finding", x.By, x.At.Format("2006-01-02 15:04"), plainLine(x.Subject), a.t("deskweb.grade."+string(x.Grade)), plainText(x.Reasons))
	}
	for _, r := range v.Replies {
		key := "cli.desk.case.reply"
		if r.Unsent() {
			key = "cli.desk.case.reply_unsent"
		}
		a.say(key, r.By, plainText(r.Text))
	}
	for _, w := range v.Warnings {
		if w.Answer == "" {
			a.warn("cli.desk.warning."+w.What, w.ID, w.Original)
			a.sayLinks(w.Links)
		}
	}
}

func (a *app) deskReply(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "reply CASE PARCEL TEXT", "cli.desk.reply", `reply --dir kua --as aigul 1 3fa90c12 "We read it. …"`, exactly(3),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			parcel, err := s.Desk().Named(ctx, args[1])
			if err != nil {
				return err
			}
			r, err := s.Reply(ctx, id, parcel, args[2])
			if err != nil {
				return err
			}
			if r.Unsent() {
				a.say("cli.desk.reply.kept")
				return nil
			}
			a.say("cli.desk.reply.sent")
			return nil
		})
}

func (a *app) deskExport(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "export ORIGINAL FILE", "cli.desk.export", "export --dir kua --as aigul 1 for-the-court.mp4", exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			o, err := s.Original(ctx, id)
			if err != nil {
				return err
			}
			defer o.Close()
			out, err := os.OpenFile(args[1], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fault.Conflict("witness.cannot_write", args[1]).Because(err)
			}
			if _, err := io.Copy(out, o); err != nil {
				out.Close()
				return err
			}
			if err := out.Close(); err != nil {
				return err
			}
			a.say("cli.desk.export.done", args[1])
			return nil
		})
}

func (a *app) deskCustody(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "custody [CASE]", "cli.desk.custody", "custody --dir kua --as aigul 1", usage(cobra.MaximumNArgs(1)),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			var id int64
			var err error
			if len(args) > 0 {
				if id, err = number(args[0]); err != nil {
					return err
				}
			}
			if _, err := s.Desk().Check(ctx); err != nil {
				return err
			}
			events, err := s.Desk().Custody(ctx, id)
			if err != nil {
				return err
			}
			for _, e := range events {
				fmt.Fprintln(a.out, plainLine(fmt.Sprintf("%s %s %s %s %s %s", e.At, e.By, e.Verb, e.Subject, e.Detail, e.SHA256)))
			}
			return nil
		})
}
