package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

func (a *app) deskNode(f *deskFlags) *cobra.Command {
	c := a.command("node", "cli.desk.node", `
  kua desk node list --dir kua --as aigul
  kua desk node add --dir kua https://kua.example.org R3xZ…=
  kua desk node strike --dir kua https://seized.example.org`)
	c.AddCommand(a.deskNodeList(f), a.deskNodeAdd(f), a.deskNodeRetire(f), a.deskNodeStrike(f))
	return c
}

// deskNodeList tells of every node when it was last seen and what it lacks.
func (a *app) deskNodeList(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "list", "cli.desk.node.list", "node list --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			nodes, err := s.Desk().Nodes(ctx)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				seen := a.t("cli.desk.node.never")
				if !n.Collected.IsZero() {
					seen = n.Collected.UTC().Format("2006-01-02 15:04 UTC")
				}
				a.say("cli.desk.node.line", n.URL, seen)
				if n.Behind {
					a.say("cli.desk.node.lacks_edition", n.Edition)
				}
				if n.Unsent > 0 {
					a.say("cli.desk.node.lacks_replies", n.Unsent)
				}
				if n.Fault != nil {
					a.say("cli.desk.node.fault", n.FaultAt.UTC().Format("2006-01-02 15:04 UTC"), a.words(n.Fault))
				}
			}
			for _, struck := range s.Desk().Charter().Struck {
				a.say("cli.desk.node.struck", struck.Key, struck.Day)
			}
			return nil
		})
}

// deskNodeAdd drafts a charter with one more node, which must answer under its
// key unless it is not to be asked.
func (a *app) deskNodeAdd(f *deskFlags) *cobra.Command {
	var unasked bool
	var door string
	c := a.command("add URL KEY", "cli.desk.node.add", `
  kua desk node add --dir kua https://kua.example.org R3xZ…=
  kua desk node add --dir kua https://kua.example.org R3xZ…= --door http://abc….onion`)
	c.Flags().BoolVar(&unasked, "unasked", false, a.t("cli.flag.unasked"))
	c.Flags().StringVar(&door, "door", "", a.t("cli.flag.door"))
	c.Args = exactly(2)
	c.RunE = func(c *cobra.Command, args []string) error {
		url, key := strings.TrimRight(args[0], "/"), args[1]
		roads, err := desk.ReadRoads(f.dir)
		if err != nil {
			return err
		}
		if !unasked {
			if err := a.answersUnder(c.Context(), f, url, key); err != nil {
				return err
			}
		}
		err = a.change(f.dir, func(next *charter.Charter) error {
			next.Nodes = append(next.Nodes, charter.Node{URL: url, Key: key})
			return nil
		})
		if err != nil || door == "" {
			return err
		}
		return roads.Set(key, door)
	}
	return c
}

// answersUnder asks whether a node with this key answers at an address.
func (a *app) answersUnder(ctx context.Context, f *deskFlags, url, key string) error {
	client, end, err := f.road.open(ctx, a, f.dir, false)
	if err != nil {
		return err
	}
	defer end()
	_, err = nodeapi.NewClient(url, nodeapi.WithHTTP(client), nodeapi.WithNodeKey(key), nodeapi.WithTries(2, 5*time.Second)).Node(ctx)
	return err
}

// deskNodeRetire drafts a charter without a node that goes in peace: everything
// it holds is collected first.
func (a *app) deskNodeRetire(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "retire URL", "cli.desk.node.retire", "node retire --dir kua --as aigul https://old.example.org", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			url := strings.TrimRight(args[0], "/")
			key, err := keyOfNode(s.Desk().Charter(), url)
			if err != nil {
				return err
			}
			if err := s.Desk().Emptied(ctx, key); err != nil {
				return err
			}
			return a.change(f.dir, func(next *charter.Charter) error {
				next.Nodes = slices.DeleteFunc(next.Nodes, func(n charter.Node) bool { return n.Key == key })
				return nil
			})
		})
}

// deskNodeStrike drafts a charter that strikes a node's key off.
func (a *app) deskNodeStrike(f *deskFlags) *cobra.Command {
	c := a.command("strike URL|KEY", "cli.desk.node.strike", `
  kua desk node strike --dir kua https://seized.example.org`)
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		now, _, err := desk.ReadCharter(f.dir)
		if err != nil {
			return err
		}
		key, err := keyOfNode(now, strings.TrimRight(args[0], "/"))
		if err != nil {
			return err
		}
		err = a.change(f.dir, func(next *charter.Charter) error {
			struck, err := next.Strike(key, today())
			if err == nil {
				*next = struck
			}
			return err
		})
		if err != nil {
			return err
		}
		a.say("cli.desk.node.strike.done")
		roads, err := desk.ReadRoads(f.dir)
		if err != nil || roads.ByNode[key] == "" {
			return err
		}
		return roads.Set(key, "")
	}
	return c
}

// keyOfNode finds a node of the charter by an address or by its key.
func keyOfNode(c charter.Charter, name string) (string, error) {
	for _, n := range c.Nodes {
		if n.URL == name || n.Key == name {
			return n.Key, nil
		}
	}
	return "", fault.NotFound("cli.charter.no_node", name)
}
