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
	return a.deskVerb(f, "list", "cli.desk.list", "list --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			total := 0
			for page := 0; ; page++ {
				in, err := s.Desk().Inbox(ctx, page)
				if err != nil {
					return err
				}
				for _, r := range in.Reports {
					fmt.Fprintln(w, strings.Join(a.reportLine(r), "\t"))
				}
				total = in.Total
				if page+1 >= in.Pages {
					break
				}
			}
			if total == 0 {
				a.say("cli.desk.list.empty")
			}
			return w.Flush()
		})
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
	return a.deskVerb(f, "show PARCEL", "cli.desk.show", "show --dir kua --as aigul 3fa9…", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			r, err := s.Report(ctx, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, strings.Join(a.reportLine(r), "  "))
			if r.Report == nil {
				return nil
			}
			a.say("cli.desk.show.consent", yes(a, r.Report.Consent.Face), yes(a, r.Report.Consent.Voice), yes(a, r.Report.Consent.Place))
			for _, part := range []struct{ key, text string }{
				{"cli.desk.show.fear", r.Report.Fear}, {"cli.desk.show.when", r.Report.When},
				{"cli.desk.show.where", r.Report.Where}, {"cli.desk.show.text", r.Report.Text},
			} {
				if part.text != "" {
					a.say(part.key, part.text)
				}
			}
			a.sayOriginals(r)
			return nil
		})
}

func (a *app) sayOriginals(r casefile.Received) {
	for _, o := range r.Originals {
		kind := o.Medium.Kind
		if kind == "" {
			kind = "unknown"
		}
		a.say("cli.desk.original", o.ID, o.Name, a.t("cli.medium."+kind), o.Size)
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
	return a.deskVerb(f, "open PARCEL…", "cli.desk.open", "open --dir kua --as aigul 3fa9…", atLeast(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			for _, p := range args {
				if _, err := s.Report(ctx, p); err != nil {
					return err
				}
			}
			id, err := s.OpenCase(ctx, args...)
			if err != nil {
				return err
			}
			a.say("cli.desk.open.done", id)
			return nil
		})
}

func (a *app) deskCases(f *deskFlags) *cobra.Command {
	var filter desk.CaseFilter
	c := a.deskVerb(f, "cases", "cli.desk.cases", "cases --dir kua --as aigul --words bazaar", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			for page := 0; ; page++ {
				p, err := s.Desk().Cases(ctx, filter, page)
				if err != nil {
					return err
				}
				if p.Total == 0 {
					a.say("cli.desk.cases.empty")
				}
				for _, c := range p.Cases {
					fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", c.ID, a.t("cli.desk.state."+string(c.State)), c.Assigned, c.Record, c.Title)
				}
				if page+1 >= p.Pages {
					return w.Flush()
				}
			}
		})
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
			fmt.Fprintf(a.out, "%d  %s  %s\n", v.ID, a.t("cli.desk.state."+string(v.State)), v.Title)
			for _, r := range v.Reports {
				fmt.Fprintln(a.out, strings.Join(a.reportLine(r), "  "))
				a.sayOriginals(r)
			}
			for _, n := range v.Notes {
				a.say("cli.desk.case.note", n.By, n.At.Format("2006-01-02 15:04"), n.Text)
			}
			for _, r := range v.Replies {
				key := "cli.desk.case.reply"
				if r.Unsent() {
					key = "cli.desk.case.reply_unsent"
				}
				a.say(key, r.By, r.Text)
			}
			for _, w := range v.Warnings {
				if w.Answer == "" {
					a.warn("cli.desk.warning."+w.What, w.ID, w.Original)
					a.sayLinks(w.Links)
				}
			}
			return nil
		})
}

func (a *app) deskNote(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "note CASE TEXT", "cli.desk.note", `note --dir kua --as aigul 1 "called the hospital"`, exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			return s.AddNote(ctx, id, args[1])
		})
}

func (a *app) deskReply(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "reply CASE PARCEL TEXT", "cli.desk.reply", `reply --dir kua --as aigul 1 3fa9… "We read it. …"`, exactly(3),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			r, err := s.Reply(ctx, id, args[1], args[2])
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

func (a *app) deskClose(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "close CASE REASON", "cli.desk.close", `close --dir kua --as aigul 1 "not ours"`, exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			return s.CloseCase(ctx, id, args[1])
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
				fmt.Fprintln(a.out, e.At, e.By, e.Verb, e.Subject, e.Detail, e.SHA256)
			}
			return nil
		})
}
