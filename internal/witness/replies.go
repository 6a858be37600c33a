package witness

import (
	"context"
	"errors"
	"fmt"

	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/nodeapi"
	"kua/internal/receipt"
)

// Replies fetches the part of a node's mailboxes that could hold answers to a
// receipt and opens those that are meant for it. The node learns two hex
// characters, shared with many other mailboxes, and not whether anything was
// found.
func Replies(ctx context.Context, node *nodeapi.Client, r receipt.Receipt) ([]string, error) {
	keys, err := r.Derive()
	if err != nil {
		return nil, fmt.Errorf("derive keys from the receipt: %w", err)
	}
	slots, err := node.Mailbox(ctx, receipt.Prefix(keys.Mailbox))
	if err != nil {
		return nil, fmt.Errorf("fetch the mailbox: %w", err)
	}
	var texts []string
	for _, slot := range slots {
		text, err := keyring.OpenReply(slot, keys.ReplyIdentity)
		if errors.Is(err, fault.Invalid("keyring.not_for_you")) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open a reply: %w", err)
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}
