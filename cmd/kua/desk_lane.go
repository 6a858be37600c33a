package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// deskContacts opens how people of the open lane can be reached.
func (a *app) deskContacts(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "contacts", "cli.desk.contacts", "contacts --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			all, away, err := s.LaneContacts(ctx)
			if err != nil {
				return err
			}
			for _, c := range all {
				if c.Fault != nil {
					a.warn("cli.desk.lane.shut", c.Request, c.Fault)
					continue
				}
				a.say("cli.desk.contacts.one", c.Request, c.Day, c.Contact)
			}
			if len(all) == 0 && len(away) == 0 {
				a.say("cli.desk.lane.none")
			}
			return a.sayAway(away)
		})
}

// sayAway tells of nodes that could not be asked; the command then fails, since
// what it gave is not all.
func (a *app) sayAway(away []desk.NodeFault) error {
	for _, n := range away {
		a.warn("cli.desk.node_away", n.URL, n.Err)
	}
	if len(away) > 0 {
		return fault.Later("cli.desk.lane.away", len(away))
	}
	return nil
}

// deskLetters opens the letters that the collective is to send.
func (a *app) deskLetters(f *deskFlags) *cobra.Command {
	var out string
	c := a.deskVerb(f, "letters", "cli.desk.letters", "letters --dir kua --as aigul -o letters", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			all, away, err := s.LaneLetters(ctx)
			if err != nil {
				return err
			}
			for _, l := range all {
				if l.Fault != nil {
					a.warn("cli.desk.lane.shut", l.Request, l.Fault)
					continue
				}
				if !isStep(l.Step) { // it becomes part of a file's name and of a key
					a.warn("cli.desk.lane.shut", l.Request, fault.Corrupt("nodeapi.lane_sealed", l.Request))
					continue
				}
				a.say("cli.desk.letters.one", l.Number, l.Request, l.Day, a.t("letter.title."+l.Step), l.To)
				if l.Contact != "" {
					a.say("cli.desk.letters.contact", l.Contact)
				}
				if out != "" {
					if err := a.writeEntrusted(out, l); err != nil {
						return err
					}
				}
			}
			if len(all) == 0 && len(away) == 0 {
				a.say("cli.desk.lane.none")
			}
			return a.sayAway(away)
		})
	c.Flags().StringVarP(&out, "out", "o", "", a.t("cli.flag.letter_out"))
	_ = c.MarkFlagDirname("out") // only names a completion
	return c
}

func (a *app) writeEntrusted(dir string, l desk.LaneLetter) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Invalid("cli.appeal.no_folder", dir).Because(err)
	}
	stem := filepath.Join(dir, fmt.Sprintf("%d.%d.%s", l.Request, l.Number, l.Step))
	for ending, content := range map[string][]byte{".txt": []byte(l.Text), ".pdf": l.PDF} {
		if err := writeFresh(stem+ending, content); err != nil {
			return err
		}
		a.say("cli.appeal.wrote", stem+ending)
	}
	return nil
}

// deskSent tells the node that a letter was sent.
func (a *app) deskSent(f *deskFlags) *cobra.Command {
	var ask askFlags
	var node string
	c := a.deskVerb(f, "sent LETTER", "cli.desk.sent", "sent --dir kua --as aigul 3 --on 2026-12-01", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			letter, day, err := a.numberAndDay(args[0], ask)
			if err != nil {
				return err
			}
			all, _, err := s.LaneLetters(ctx)
			if err != nil {
				return err
			}
			var found []desk.LaneLetter
			for _, l := range all {
				if l.Number == letter && (node == "" || l.Node == node) {
					found = append(found, l)
				}
			}
			if len(found) != 1 {
				return fault.NotFound("cli.desk.sent.which", letter, len(found))
			}
			if err := s.LaneSent(ctx, found[0].Node, nodeapi.LaneSent{Request: found[0].Request, Letter: letter, Day: day}); err != nil {
				return err
			}
			a.say("cli.desk.sent.done", found[0].Request)
			return nil
		})
	a.sentFlags(c, &ask, &node)
	return c
}

// deskDelivered tells the node that an appeal arrived.
func (a *app) deskDelivered(f *deskFlags) *cobra.Command {
	var ask askFlags
	var node string
	c := a.deskVerb(f, "delivered REPORT", "cli.desk.delivered", "delivered --dir kua --as aigul 12 --on 2026-12-03", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			request, day, err := a.numberAndDay(args[0], ask)
			if err != nil {
				return err
			}
			if nodes := s.Desk().Charter().Nodes; node == "" && len(nodes) == 1 {
				node = nodes[0].URL
			}
			if err := s.LaneSent(ctx, node, nodeapi.LaneSent{Request: request, Day: day}); err != nil {
				return err
			}
			a.say("cli.desk.sent.done", request)
			return nil
		})
	a.sentFlags(c, &ask, &node)
	return c
}

func (a *app) sentFlags(c *cobra.Command, ask *askFlags, node *string) {
	ask.add(a, c, "on")
	c.Flags().StringVar(node, "node", "", a.t("cli.flag.which_node"))
}

func (a *app) numberAndDay(n string, ask askFlags) (int64, string, error) {
	id, err := number(n)
	if err != nil {
		return 0, "", err
	}
	day, err := ask.day()
	return id, string(day), err
}
