package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/nodeapi"
)

// nodeEnrol makes a new node ready: it takes the charter from another node of
// the collective or from a folder, makes the node's key, and says what the desk
// has to be told.
func (a *app) nodeEnrol(dir *string) *cobra.Command {
	var from, pinned, address string
	c := a.command("enrol", "cli.node.enrol", `
  kua node enrol --dir /var/lib/kua --from https://kua.example.org --charter 3fa9c1… --address https://new.example.org`)
	c.Flags().StringVar(&from, "from", "", a.t("cli.flag.enrol_from"))
	c.Flags().StringVar(&pinned, "charter", "", a.t("cli.flag.charter"))
	c.Flags().StringVar(&address, "address", "", a.t("cli.flag.enrol_address"))
	for _, f := range []string{"from", "charter"} {
		_ = c.MarkFlagRequired(f)
	}
	road := a.proxyFlag(c)
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := road()
		if err = errors.Join(err, ownFolder(*dir)); err != nil {
			return err
		}
		chain, err := chainFrom(c.Context(), from, client)
		if err != nil {
			return err
		}
		ch, err := chain.Verify(pinned)
		if err != nil {
			return err
		}
		if err := sameStory(*dir, chain); err != nil {
			return err
		}
		key, err := node.EnsureKey(*dir)
		if err != nil {
			return err
		}
		if err := ch.Named(key); err != nil && isStruck(err) {
			return err // a copied folder, or one that came back from a raid
		}
		if err := charter.WriteChain(*dir, chain); err != nil {
			return err
		}
		if address == "" {
			address = "https://…"
		}
		name := a.collective(ch.Name)
		a.say("cli.node.enrol.done", name, ch.Version)
		a.say("cli.node.enrol.tell", strings.TrimRight(address, "/"), key)
		return nil
	}
	return c
}

func isStruck(err error) bool {
	f, ok := fault.Of(err)
	return ok && f.Key == "charter.node_struck"
}

// chainFrom reads a charter's chain from a folder or asks a node for it.
func chainFrom(ctx context.Context, from string, client *http.Client) (charter.Chain, error) {
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		return readCharter(from)
	}
	return nodeapi.NewClient(from, nodeapi.WithHTTP(client)).Charter(ctx)
}

// sameStory refuses a folder that belongs to another collective.
func sameStory(dir string, chain charter.Chain) error {
	have, err := charter.ReadChain(os.DirFS(dir))
	if f, ok := fault.Of(err); ok && f.Kind == fault.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if version, parts := have.Parts(chain); parts {
		return fault.Forbidden("node.other_charter", version)
	}
	if len(have) > len(chain) {
		return fault.Conflict("cli.node.enrol.older", len(chain), len(have))
	}
	return nil
}
