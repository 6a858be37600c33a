package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// newestCharter asks all nodes at once for their charter, checks the chains and
// takes the longest: a node that was seized will not tell that it was struck
// off, another does. A node that is away holds nothing up. Two that tell
// different stories are the fault charter.two_stories. Without a pinned id the
// answer is believed, which is said.
func (a *app) newestCharter(ctx context.Context, urls []string, pinned string, by nodeapi.Option) (charter.Charter, error) {
	chains, faults := make([]charter.Chain, len(urls)), make([]error, len(urls))
	var asking sync.WaitGroup
	for i, url := range urls {
		asking.Go(func() {
			options := []nodeapi.Option{by}
			if len(urls) > 1 {
				options = append(options, nodeapi.WithTries(2, 5*time.Second))
			}
			if chains[i], faults[i] = nodeapi.NewClient(url, options...).Charter(ctx); faults[i] == nil {
				_, faults[i] = chains[i].Verify(pinned)
			}
		})
	}
	asking.Wait()
	var longest charter.Chain
	for i, chain := range chains {
		if faults[i] != nil {
			if len(urls) > 1 {
				a.warn("cli.desk.node_away", urls[i], faults[i])
			}
			continue
		}
		if version, parts := chain.Parts(longest); parts {
			return charter.Charter{}, fault.Conflict("charter.two_stories", version)
		}
		if len(chain) > len(longest) {
			longest = chain
		}
	}
	if longest == nil {
		return charter.Charter{}, errors.Join(faults...)
	}
	ch, err := longest.Verify(pinned)
	if err != nil || pinned != "" {
		return ch, err
	}
	id, err := ch.ID()
	if err == nil {
		fmt.Fprintln(a.err, a.t("cli.charter.unpinned", id))
	}
	return ch, err
}

// anyNamed finds a node to which the report may go before anything is sealed.
func anyNamed(ctx context.Context, ch charter.Charter, urls []string, by nodeapi.Option) error {
	var failed []error
	for _, url := range urls {
		_, err := namedNode(ctx, ch, url, by)
		if err == nil {
			return nil
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// sendToAll brings a sealed report to every node. One that is away, or that the
// charter does not name, keeps it from none of the others.
func (a *app) sendToAll(ctx context.Context, ch charter.Charter, urls []string, sealed string, by nodeapi.Option) error {
	var failed []error
	for _, url := range urls {
		node, err := namedNode(ctx, ch, url, by)
		if err == nil {
			err = a.send(ctx, node, sealed)
		}
		f, known := fault.Of(err)
		switch {
		case err == nil:
		case known && f.Kind == fault.KindForbidden: // and no hint to try the same server again
			failed = append(failed, err)
		default:
			failed = append(failed, fault.Later("cli.unsent", sealed, url).Because(err))
		}
	}
	for _, err := range failed[min(1, len(failed)):] {
		fmt.Fprintln(a.err, "kua: "+a.words(err))
	}
	if len(failed) > 0 {
		return failed[0]
	}
	return nil
}
