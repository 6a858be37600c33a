package desk

import (
	"bytes"
	"context"
	"io"

	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// LaneContact is how somebody of a node's open lane can be reached.
type LaneContact struct {
	Node string // its address
	nodeapi.OpenedContact
	Fault error // why it could not be opened; then only node and request are known
}

// LaneLetter is a letter of a formal appeal that waits at a node to be sent by
// the collective.
type LaneLetter struct {
	Node   string
	Number int64
	nodeapi.OpenedLetter
	Fault error
}

// NodeFault is a node that could not be asked.
type NodeFault struct {
	URL string
	Err error
}

// maxLaneSealed is the most bytes of an opened contact or letter: a PDF of many
// pages, coded for JSON.
const maxLaneSealed = 64 << 20

// LaneContacts fetches the sealed contacts from every node and opens them with
// the person's key. They are kept nowhere. A node that is away is told of and is
// no error; a contact that cannot be opened is given with its fault.
func (s *Seat) LaneContacts(ctx context.Context) (all []LaneContact, away []NodeFault, err error) {
	if err := s.current(); err != nil {
		return nil, nil, err
	}
	away = s.eachNode(func(n *nodeClient) error {
		for after := int64(0); ; {
			page, err := n.LaneContacts(ctx, after)
			if err != nil {
				return err
			}
			for _, c := range page {
				one := LaneContact{Node: n.url, OpenedContact: nodeapi.OpenedContact{Request: c.Request, Day: c.Day}}
				var opened nodeapi.OpenedContact
				if plain, err := s.openLane(c.Sealed); err != nil {
					one.Fault = err
				} else if opened, one.Fault = nodeapi.ReadContact(plain, c.Request); one.Fault == nil {
					one.OpenedContact = opened
				}
				all = append(all, one)
				if c.Request <= after {
					return fault.Corrupt("nodeapi.not_understood") // a node that turns in circles
				}
				after = c.Request
			}
			if len(page) < nodeapi.LanePage {
				return nil
			}
		}
	})
	return all, away, ctx.Err()
}

// LaneLetters is LaneContacts for the letters that wait to be sent.
func (s *Seat) LaneLetters(ctx context.Context) (all []LaneLetter, away []NodeFault, err error) {
	if err := s.current(); err != nil {
		return nil, nil, err
	}
	away = s.eachNode(func(n *nodeClient) error {
		for after := int64(0); ; {
			page, err := n.LaneLetters(ctx, after)
			if err != nil {
				return err
			}
			for _, l := range page {
				one := LaneLetter{Node: n.url, Number: l.Number, OpenedLetter: nodeapi.OpenedLetter{Request: l.Request, Day: l.Day, Step: l.Step}}
				var opened nodeapi.OpenedLetter
				if plain, err := s.openLane(l.Sealed); err != nil {
					one.Fault = err
				} else if opened, one.Fault = nodeapi.ReadLetter(plain, l.Request); one.Fault == nil {
					one.OpenedLetter = opened
				}
				all = append(all, one)
				if l.Number <= after {
					return fault.Corrupt("nodeapi.not_understood")
				}
				after = l.Number
			}
			if len(page) < nodeapi.LanePage {
				return nil
			}
		}
	})
	return all, away, ctx.Err()
}

// LaneSent tells a node of the charter that a letter was sent or an appeal
// delivered. A node that the charter does not name gives the fault desk.no_node.
func (s *Seat) LaneSent(ctx context.Context, node string, said nodeapi.LaneSent) error {
	if err := s.current(); err != nil {
		return err
	}
	for _, n := range s.d.Charter().Nodes {
		if n.URL != node {
			continue
		}
		c, err := s.d.client(n)
		if err != nil {
			return err
		}
		return c.LaneSent(ctx, said)
	}
	return fault.NotFound("desk.no_node", node)
}

func (s *Seat) eachNode(do func(*nodeClient) error) (away []NodeFault) {
	for _, n := range s.d.nodes() {
		c, err := s.d.client(n)
		if err == nil {
			err = do(c)
		}
		if err != nil {
			away = append(away, NodeFault{n.URL, err})
		}
	}
	return away
}

func (s *Seat) openLane(sealed []byte) ([]byte, error) {
	r, err := s.person.Open(bytes.NewReader(sealed))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxLaneSealed+1))
	if err == nil && len(plain) > maxLaneSealed {
		err = fault.TooLarge("nodeapi.lane_large", maxLaneSealed>>20)
	}
	return plain, err
}
