package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/fault"
)

// deskPassphrase locks a person's key file with another passphrase. KUA_PASSPHRASE is
// the one before, and never the new one.
func (a *app) deskPassphrase(f *deskFlags) *cobra.Command {
	var file string
	c := a.command("passphrase", "passphrase.do", "\n  kua desk passphrase --dir kua --as aigul")
	c.Long = a.t("passphrase.what")
	c.Flags().StringVar(&file, "new-passphrase-file", "", a.t("cli.flag.new_passphrase_file"))
	c.Args = exactly(0)
	c.RunE = func(*cobra.Command, []string) error {
		person, err := a.unlock(*f)
		if err != nil {
			return err
		}
		var fresh string
		switch in, ok := a.in.(*os.File); {
		case file != "":
			fresh, err = a.passphrase(f.as, file)
		case !ok || !term.IsTerminal(int(in.Fd())):
			err = fault.Invalid("passphrase.no_file")
		default:
			fresh, err = a.twice(f.as)
		}
		if err != nil {
			return err
		}
		if err := desk.Relock(f.dir, f.as, person, fresh); err != nil {
			return err
		}
		a.say("passphrase.changed")
		return nil
	}
	return c
}

// caseVerb is deskVerb for what is done to the case that the first argument names.
func (a *app) caseVerb(f *deskFlags, use, key, example string, args cobra.PositionalArgs,
	do func(ctx context.Context, s *desk.Seat, id int64, args []string) error) *cobra.Command {
	return a.deskVerb(f, use, key, example, args, func(ctx context.Context, s *desk.Seat, args []string) error {
		id, err := number(args[0])
		if err != nil {
			return err
		}
		return do(ctx, s, id, args[1:])
	})
}

func (a *app) deskNote(f *deskFlags) *cobra.Command {
	return a.caseVerb(f, "note CASE TEXT", "cli.desk.note", `note --dir kua --as aigul 1 "called the hospital"`, exactly(2),
		func(ctx context.Context, s *desk.Seat, id int64, args []string) error {
			return s.AddNote(ctx, id, args[0])
		})
}

func (a *app) deskFinding(f *deskFlags) *cobra.Command {
	return a.caseVerb(f, "finding CASE SUBJECT GRADE REASONS", "cli.desk.finding",
		`finding --dir kua --as aigul 1 "original 3" plausible "the sign stands at that post"`, exactly(4),
		func(ctx context.Context, s *desk.Seat, id int64, args []string) error {
			return s.AddFinding(ctx, casefile.Finding{Case: id, Subject: args[0], Grade: casefile.Grade(args[1]), Reasons: args[2]})
		})
}

func (a *app) deskTitle(f *deskFlags) *cobra.Command {
	return a.caseVerb(f, "title CASE TITLE", "cli.desk.title", `title --dir kua --as aigul 1 "The post at the city gate"`, exactly(2),
		func(ctx context.Context, s *desk.Seat, id int64, args []string) error {
			return s.SetTitle(ctx, id, args[0])
		})
}

func (a *app) deskAssign(f *deskFlags) *cobra.Command {
	return a.caseVerb(f, "assign CASE [PERSON]", "cli.desk.assign", "assign --dir kua --as aigul 1 timur", usage(cobra.RangeArgs(1, 2)),
		func(ctx context.Context, s *desk.Seat, id int64, args []string) error {
			return s.Assign(ctx, id, strings.Join(args, ""))
		})
}

func (a *app) deskClose(f *deskFlags) *cobra.Command {
	return a.caseVerb(f, "close CASE REASON", "cli.desk.close", `close --dir kua --as aigul 1 "not ours"`, exactly(2),
		func(ctx context.Context, s *desk.Seat, id int64, args []string) error {
			return s.CloseCase(ctx, id, args[0])
		})
}

func (a *app) deskReopen(f *deskFlags) *cobra.Command {
	return a.caseVerb(f, "reopen CASE", "cli.desk.reopen", "reopen --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, id int64, _ []string) error { return s.ReopenCase(ctx, id) })
}

// deskJoin puts further reports into a case; each counts as read.
func (a *app) deskJoin(f *deskFlags) *cobra.Command {
	return a.caseVerb(f, "join CASE PARCEL…", "cli.desk.join", "join --dir kua --as aigul 1 3fa90c12", atLeast(2),
		func(ctx context.Context, s *desk.Seat, id int64, args []string) error {
			parcels, err := read(ctx, s, args)
			if err != nil {
				return err
			}
			for _, p := range parcels {
				if err := s.JoinCase(ctx, id, p); err != nil {
					return err
				}
			}
			return nil
		})
}

func (a *app) deskUnread(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "unread PARCEL", "cli.desk.unread_again", "unread --dir kua --as aigul 3fa90c12", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			parcel, err := s.Desk().Named(ctx, args[0])
			if err != nil {
				return err
			}
			return s.MarkUnread(ctx, parcel)
		})
}

// read reads reports, each named by its parcel or the beginning of that, and gives the parcels.
func read(ctx context.Context, s *desk.Seat, names []string) (parcels []string, err error) {
	for _, name := range names {
		parcel, err := s.Desk().Named(ctx, name)
		if err != nil {
			return nil, err
		}
		if _, err := s.Report(ctx, parcel); err != nil {
			return nil, err
		}
		parcels = append(parcels, parcel)
	}
	return parcels, nil
}

// deskPreview writes what a proposal changes into a folder, for whoever is to sign it.
func (a *app) deskPreview(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "preview PROPOSAL FOLDER", "cli.desk.preview", "preview --dir kua --as timur 1 to-look-at", exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			p, err := proposed(ctx, s, args[0])
			if err != nil {
				return err
			}
			if p.State != desk.Waiting {
				return fault.Conflict("desk.proposal_state", p.ID, string(p.State))
			}
			if err := os.Mkdir(args[1], 0o700); err != nil {
				return fault.Conflict("witness.cannot_write", args[1]).Because(err)
			}
			for _, c := range p.Changed {
				if c.Removed {
					continue
				}
				if err := preview(ctx, s, p.ID, c.Path, filepath.Join(args[1], filepath.FromSlash(c.Path))); err != nil {
					return err
				}
			}
			for _, r := range p.Records {
				for _, page := range slices.Sorted(maps.Values(r.Pages)) {
					fmt.Fprintln(a.out, filepath.Join(args[1], filepath.FromSlash(page)))
				}
			}
			a.say("cli.desk.preview.done", p.ID)
			return nil
		})
}

func preview(ctx context.Context, s *desk.Seat, proposal int64, path, to string) error {
	in, err := s.PreviewFile(ctx, proposal, path)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// deskJobs lists what waits, runs or failed in the background.
func (a *app) deskJobs(f *deskFlags) *cobra.Command {
	var dismiss bool
	c := a.deskVerb(f, "jobs", "cli.desk.jobs", "jobs --dir kua --as aigul --dismiss", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			all, err := s.Desk().Jobs(ctx)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				a.say("deskweb.work.nothing")
			}
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			for _, j := range all {
				why := ""
				if j.Fault != nil {
					why = a.words(j.Fault)
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", j.ID, a.t("deskweb.work."+j.Kind), j.Subject, a.t("deskweb.work.state."+j.State), why)
				if dismiss && j.Fault != nil {
					if err := s.DismissJob(ctx, j.ID); err != nil {
						return err
					}
				}
			}
			return w.Flush()
		})
	c.Flags().BoolVar(&dismiss, "dismiss", false, a.t("cli.flag.dismiss"))
	return c
}
