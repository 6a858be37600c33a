package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"sync"

	"kua/internal/fault"
	"kua/internal/node/nodedb"
	"kua/internal/nodeapi"
	"kua/internal/seal"
)

// A mailbox is a slot among others. A witness asks for everything below a
// prefix of two hex characters, which is one of 256 and shared with every 256th
// receipt, and always gets whole pages of eight slots. Slots without a reply
// hold dummies: age files of the same size to a key that nobody has.
//
// Who watches the answers, or copies the node's disk again and again, sees that
// a slot has changed. What hides the real changes among others:
//
//   - Everything in a slot, real or not, has a day on which it is replaced. A
//     real reply stays ReplyDays; a dummy stays as long with probability one
//     half, and else a random shorter time. So slots change all the time, what
//     stayed long need not be real, and what was replaced early need not have
//     made room for a reply.
//   - A reply goes into a random dummy's slot, and in the same breath dummies
//     under other random prefixes are replaced.
//   - Nothing on the disk says what is a dummy. Which slots are, the process
//     remembers for those it filled itself; after a restart it takes every slot
//     for real until its day comes, and makes a new page where it needs room.
//
// What this does not hide: that the node is told the prefix, and so one 256th of
// who could be meant; the number of a prefix's pages, which grows with its
// replies; from a watcher who can also count the desk's calls, that a reply was
// brought; from one who looks every minute for months, that changes come a
// little more often when the desk writes much. And a node whose keeper changed
// its program sees every real reply come, as ciphertext.
type mailboxes struct {
	sync.Mutex
	dummies map[string]map[int]bool // prefix → positions that this process filled with dummies
}

const coverChanges = 3 // dummies replaced elsewhere when a reply comes

var mailPrefix = regexp.MustCompile(`^[0-9a-f]{2}$`)

// mailbox answers with one page of a prefix.
func (n *Node) mailbox(w http.ResponseWriter, r *http.Request) error {
	prefix := r.PathValue("prefix")
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	if r.URL.Query().Get("page") == "" {
		page, err = 0, nil
	}
	if !mailPrefix.MatchString(prefix) || err != nil || page < 0 {
		return fault.Invalid("node.bad_name")
	}
	slots, pages, err := n.page(r.Context(), prefix, page)
	if err != nil {
		return err
	}
	w.Header().Set(nodeapi.PagesHeader, strconv.Itoa(pages))
	return writeOctets(w, slots)
}

func (n *Node) page(ctx context.Context, prefix string, page int) (slots []byte, pages int, err error) {
	n.mail.Lock()
	defer n.mail.Unlock()
	count, err := n.furnish(ctx, prefix)
	if err != nil {
		return nil, 0, err
	}
	pages = count / nodeapi.MailboxSlots
	if page >= pages {
		return nil, 0, fault.NotFound("node.no_page", page)
	}
	all, err := n.db.Replies(ctx, prefix, page*nodeapi.MailboxSlots, nodeapi.MailboxSlots)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range all {
		slots = append(slots, s...)
	}
	if len(slots) != nodeapi.MailboxSlots*nodeapi.SlotBytes {
		return nil, 0, fmt.Errorf("mailbox prefix %s has a page of %d bytes", prefix, len(slots))
	}
	return slots, pages, nil
}

// furnish makes the first page of a prefix that has none, and gives the number
// of its slots. n.mail is locked.
func (n *Node) furnish(ctx context.Context, prefix string) (count int, err error) {
	count, err = n.db.SlotCount(ctx, prefix)
	if err != nil || count > 0 {
		return count, err
	}
	if err := n.addPage(ctx, prefix, 0); err != nil {
		return 0, err
	}
	return nodeapi.MailboxSlots, nil
}

func (n *Node) addPage(ctx context.Context, prefix string, from int) error {
	page := make([]nodedb.Sealed, nodeapi.MailboxSlots)
	for i := range page {
		var err error
		if page[i], err = n.dummy(prefix, from+i); err != nil {
			return err
		}
	}
	return n.fill(ctx, page, nil)
}

// dummy makes a dummy for a slot.
func (n *Node) dummy(prefix string, position int) (nodedb.Sealed, error) {
	b, err := seal.DummyReply()
	if err != nil {
		return nodedb.Sealed{}, fmt.Errorf("make a dummy: %w", err)
	}
	days := n.cfg.Limits.ReplyDays
	if rand.N(2) == 0 {
		days = 1 + rand.N(days)
	}
	return nodedb.Sealed{Position: nodedb.Position{Prefix: prefix, Position: position}, Bytes: b, Until: n.daysOn(days)}, nil
}

// fill writes dummies and at most one reply, and remembers the dummies. n.mail
// is locked.
func (n *Node) fill(ctx context.Context, dummies []nodedb.Sealed, reply *nodedb.Sealed) error {
	all := dummies
	if reply != nil {
		all = append(all[:len(all):len(all)], *reply)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if err := n.db.PutReplies(ctx, all); err != nil {
		return err
	}
	for _, s := range all {
		known := n.mail.dummies[s.Prefix]
		if known == nil {
			known = make(map[int]bool)
			n.mail.dummies[s.Prefix] = known
		}
		if reply != nil && s.Position == reply.Position {
			delete(known, s.Position.Position)
		} else {
			known[s.Position.Position] = true
		}
	}
	return nil
}

// putReply lays a sealed reply into a random slot that holds a dummy.
func (n *Node) putReply(w http.ResponseWriter, r *http.Request, body []byte) error {
	var post nodeapi.ReplyPost
	if err := readJSON(body, &post); err != nil {
		return err
	}
	if !mailPrefix.MatchString(post.Prefix) {
		return fault.Invalid("node.bad_name")
	}
	if len(post.Sealed) != nodeapi.SlotBytes {
		return fault.Invalid("node.reply_size", nodeapi.SlotBytes)
	}
	n.mail.Lock()
	defer n.mail.Unlock()
	has, err := n.db.HasReply(r.Context(), post.Prefix, post.Sealed)
	if err == nil && !has {
		err = n.addReply(r.Context(), post.Prefix, post.Sealed)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (n *Node) addReply(ctx context.Context, prefix string, sealed []byte) error {
	if err := n.roomFor(0); err != nil {
		return err
	}
	count, err := n.furnish(ctx, prefix)
	if err != nil {
		return err
	}
	if len(n.mail.dummies[prefix]) == 0 {
		if count/nodeapi.MailboxSlots >= nodeapi.MaxPages {
			return fault.Later("node.mailbox_full")
		}
		if err := n.addPage(ctx, prefix, count); err != nil {
			return err
		}
	}
	cover, err := n.cover(prefix)
	if err != nil {
		return err
	}
	// A day more than the rest of today, so that it stays ReplyDays in full.
	until := n.daysOn(n.cfg.Limits.ReplyDays)
	at := nodedb.Position{Prefix: prefix, Position: anyOf(n.mail.dummies[prefix])}
	return n.fill(ctx, cover, &nodedb.Sealed{Position: at, Bytes: sealed, Until: until})
}

// cover makes new dummies for a few slots of other prefixes.
func (n *Node) cover(but string) ([]nodedb.Sealed, error) {
	var prefixes []string
	for p, known := range n.mail.dummies {
		if p != but && len(known) > 0 {
			prefixes = append(prefixes, p)
		}
	}
	rand.Shuffle(len(prefixes), func(i, j int) { prefixes[i], prefixes[j] = prefixes[j], prefixes[i] })
	var all []nodedb.Sealed
	for _, p := range prefixes[:min(len(prefixes), coverChanges)] {
		d, err := n.dummy(p, anyOf(n.mail.dummies[p]))
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// anyOf picks one of the positions, each as likely.
func anyOf(positions map[int]bool) int {
	k := rand.N(len(positions))
	for p := range positions {
		if k == 0 {
			return p
		}
		k--
	}
	panic("unreachable")
}

// tidyMail replaces what has stayed long enough: over the day, a part of what is
// due at every call, so that not everything changes at midnight; and takes last
// pages away that hold only dummies.
func (n *Node) tidyMail(ctx context.Context) error {
	n.mail.Lock()
	defer n.mail.Unlock()
	due, err := n.db.DueReplies(ctx, n.day())
	if err != nil {
		return fmt.Errorf("find old replies: %w", err)
	}
	yesterday := n.daysOn(-1)
	for _, s := range due {
		if s.Until > yesterday && rand.N(8) != 0 {
			continue
		}
		d, err := n.dummy(s.Prefix, s.Position.Position)
		if err == nil {
			err = n.fill(ctx, []nodedb.Sealed{d}, nil)
		}
		if err != nil {
			return fmt.Errorf("replace old replies: %w", err)
		}
	}
	for prefix := range n.mail.dummies {
		if err := n.trim(ctx, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) trim(ctx context.Context, prefix string) error {
	count, err := n.db.SlotCount(ctx, prefix)
	known := n.mail.dummies[prefix]
	for err == nil && count > nodeapi.MailboxSlots {
		from := count - nodeapi.MailboxSlots
		for p := from; p < count; p++ {
			if !known[p] {
				return nil
			}
		}
		if err = n.db.DropReplies(ctx, prefix, from); err == nil {
			for p := from; p < count; p++ {
				delete(known, p)
			}
			count = from
		}
	}
	return err
}

// furnishAll makes the first page of every prefix, so that which ones exist does
// not tell which were asked for.
func (n *Node) furnishAll(ctx context.Context) error {
	for i := range 256 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n.mail.Lock()
		_, err := n.furnish(ctx, fmt.Sprintf("%02x", i))
		n.mail.Unlock()
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("furnish the mailboxes: %w", err)
		}
	}
	return nil
}
