package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/keyring"
)

// deskFlags is what every desk command needs to unlock a desk.
type deskFlags struct {
	dir, as, passFile string
	road              deskRoad
	idle              bool // nobody is to be called
	keep              bool // the nodes are to keep what is collected
}

func (a *app) deskCommand() *cobra.Command {
	var f deskFlags
	var serve deskServeFlags
	c := a.command("desk", "cli.desk", `
  kua desk --dir kua                                     # the desk in a browser, on http://127.0.0.1:8414/
  kua desk collect --dir kua --as aigul
  kua desk list --dir kua --as aigul
  kua desk open --dir kua --as aigul PARCEL
  kua desk propose --dir kua --as aigul --checked 1 && kua desk approve --dir kua --as timur --checked 1
  kua desk publish --dir kua --as timur`)
	a.deskDirFlag(c, &f.dir)
	c.PersistentFlags().StringVar(&f.as, "as", "", a.t("cli.flag.as"))
	c.PersistentFlags().StringVar(&f.passFile, "passphrase-file", "", a.t("cli.flag.passphrase_file"))
	f.road.flags(a, c.PersistentFlags())
	serve.add(a, c, &f)
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error { return a.serveDesk(c.Context(), f, serve) }
	c.AddCommand(
		a.deskCollect(&f), a.deskList(&f), a.deskShow(&f),
		a.deskOpen(&f), a.deskUnread(&f), a.deskJoin(&f), a.deskCases(&f), a.deskCase(&f), a.deskTitle(&f), a.deskAssign(&f), a.deskNote(&f), a.deskFinding(&f), a.deskReply(&f), a.deskClose(&f), a.deskReopen(&f), a.deskExport(&f), a.deskTraces(&f),
		a.deskPlan(&f), a.deskProbe(&f), a.deskLook(&f), a.deskMark(&f), a.deskSound(&f), a.deskCaptions(&f), a.deskRender(&f), a.deskHits(&f), a.deskAnswer(&f), a.deskDraft(&f), a.deskLinks(&f),
		a.deskPropose(&f), a.deskProposals(&f), a.deskPreview(&f), a.deskApprove(&f), a.deskDecline(&f), a.deskWithdraw(&f), a.deskPublish(&f), a.deskHeartbeat(&f), a.deskStamp(&f), a.deskKit(&f),
		a.deskContacts(&f), a.deskLetters(&f), a.deskSent(&f), a.deskDelivered(&f),
		a.deskRewrap(&f), a.deskAddKey(&f), a.deskPassphrase(&f), a.deskCustody(&f), a.deskStatus(&f), a.deskJobs(&f), a.deskOnionKey(&f), a.deskNode(&f), a.deskDoor(&f), a.deskSpread(&f),
	)
	return c
}

// deskVerb makes a subcommand that unlocks the desk for its run.
func (a *app) deskVerb(f *deskFlags, use, key, example string, args cobra.PositionalArgs,
	do func(ctx context.Context, s *desk.Seat, args []string) error) *cobra.Command {
	c := a.command(use, key, "\n  kua desk "+example)
	c.Args = args
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.atDesk(c.Context(), *f, func(s *desk.Seat) error { return do(c.Context(), s, args) })
	}
	return c
}

// atDesk unlocks the desk as one person, does one thing and locks it again.
func (a *app) atDesk(ctx context.Context, f deskFlags, do func(*desk.Seat) error) (err error) {
	person, err := a.unlock(f)
	if err != nil {
		return err
	}
	client, end, err := f.road.open(ctx, a, f.dir, false)
	if err != nil {
		return err
	}
	defer end()
	d, err := desk.Open(ctx, a.deskConfig(f, client), person)
	if err != nil {
		return err
	}
	defer func() {
		if closed := d.Close(); err == nil {
			err = closed
		}
	}()
	s, err := d.Sit(person)
	if err != nil {
		return err
	}
	return do(s)
}

func (a *app) unlock(f deskFlags) (*keyring.Person, error) {
	if f.as == "" {
		names, err := desk.People(f.dir)
		if err != nil {
			return nil, err
		}
		return nil, fault.Invalid("cli.desk.as_whom", names)
	}
	pass, err := a.passphrase(f.as, f.passFile)
	if err != nil {
		return nil, err
	}
	return desk.Unlock(f.dir, f.as, pass)
}

// number reads a case's, an original's or a proposal's number.
func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, usageError{fmt.Errorf("not a number: %q", s)}
	}
	return n, nil
}

func (a *app) deskCollect(f *deskFlags) *cobra.Command {
	c := a.deskVerb(f, "collect", "cli.desk.collect", "collect --dir kua --as aigul\n  kua desk collect --dir kua --as aigul --keep   # until the next backup is made", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error { return a.collect(ctx, s.Desk()) })
	c.Flags().BoolVar(&f.keep, "keep", false, a.t("cli.flag.keep_on_nodes"))
	return c
}

func (a *app) collect(ctx context.Context, d *desk.Desk) error {
	bar, finish := a.bar("cli.desk.collect.progress")
	got, err := d.Collect(ctx, func(p desk.Progress) { bar(p.Done, p.Total) })
	finish()
	if err != nil {
		return err
	}
	if err := d.WaitIdle(ctx); err != nil { // what was collected has been looked at
		return err
	}
	a.say("cli.desk.collect.done", got.New, got.Whole, got.Arriving, got.Refused)
	if got.NoRoom > 0 {
		a.warn("cli.desk.collect.no_room", got.NoRoom)
	}
	for _, n := range got.Nodes {
		if n.Err != nil {
			a.warn("cli.desk.node_away", n.URL, n.Err)
		}
	}
	return nil
}

func (a *app) deskRewrap(f *deskFlags) *cobra.Command {
	c := a.command("rewrap", "cli.desk.rewrap", "\n  kua desk rewrap --dir kua --as aigul")
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		person, err := a.unlock(*f)
		if err != nil {
			return err
		}
		return a.rewrap(c.Context(), *f, person)
	}
	return c
}

// deskAddKey puts the key file a person brought into the desk's folder, so that
// they can sign in here.
func (a *app) deskAddKey(f *deskFlags) *cobra.Command {
	c := a.command("add-key NAME FILE", "cli.desk.add_key", "\n  kua desk add-key --dir kua gulnara /media/stick/gulnara.age")
	c.Args = exactly(2)
	c.RunE = func(_ *cobra.Command, args []string) error {
		b, err := os.ReadFile(args[1])
		if err != nil {
			return fault.NotFound("witness.no_file", args[1]).Because(err)
		}
		return desk.AddKeyFile(f.dir, args[0], b)
	}
	return c
}

// rewrap takes in the charter that was signed and wraps everything for its people.
func (a *app) rewrap(ctx context.Context, f deskFlags, person *keyring.Person) (err error) {
	client, end, err := f.road.open(ctx, a, f.dir, false)
	if err != nil {
		return err
	}
	defer end()
	d, err := desk.Open(ctx, a.deskConfig(f, client), person)
	if err != nil {
		return err
	}
	defer func() {
		if closed := d.Close(); err == nil {
			err = closed
		}
	}()
	_, chain, err := desk.ReadCharter(f.dir)
	if err != nil {
		return err
	}
	if err := d.UpdateCharter(ctx, person, chain); err != nil {
		return err
	}
	bar, finish := a.share("cli.desk.rewrap.progress")
	err = d.Rewrap(ctx, person, func(done, total int) { bar(int64(done), int64(total)) })
	finish()
	if err != nil {
		return err
	}
	a.say("cli.desk.rewrap.done", len(d.Charter().Current()))
	return nil
}

func (a *app) deskStatus(f *deskFlags) *cobra.Command {
	var asJSON bool
	c := a.deskVerb(f, "status", "cli.desk.status", "status --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			n, err := s.Desk().Counts(ctx)
			if err != nil {
				return err
			}
			nodes, err := s.Desk().Nodes(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, a.statusAsJSON(n, nodes))
			}
			a.say("cli.desk.status.counts", n.Unread, n.Arriving, n.Refused, n.Cases, n.Unsent, n.Proposals, n.Behind, n.Failed)
			if n.Unwrapped > 0 {
				a.say("cli.desk.status.unwrapped", n.Unwrapped)
			}
			if err := a.sayNodes(nodes); err != nil {
				return err
			}
			stamps, err := s.Desk().Stamps(ctx)
			a.sayStamps(stamps)
			return err
		})
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	return c
}

func (a *app) sayNodes(nodes []desk.NodeState) error {
	for _, n := range nodes {
		switch {
		case n.Fault != nil:
			a.warn("cli.desk.node_away", n.URL, n.Fault)
		case n.Edition == 0:
			a.say("cli.desk.node_none", n.URL)
		case n.Behind:
			a.say("cli.desk.node_behind", n.URL, n.Edition)
		default:
			a.say("cli.desk.node_ok", n.URL, n.Edition)
		}
	}
	return nil
}

// warn tells something that went wrong and did not stop the rest. The last
// argument is the error.
func (a *app) warn(key string, args ...any) {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = a.words(err)
		}
	}
	fmt.Fprintln(a.err, "kua: "+a.t(key, args...))
}
