package mail

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"

	"kua/internal/fault"
)

// Returned is what a mail server reports of a letter that somebody sent.
type Returned struct {
	ID     string // Message-ID of the letter, without its brackets
	Status string // RFC 3463: 5.1.1; "" when the report has none
	Failed bool   // it will not arrive; false: it is late, was passed on, or has arrived
}

// NoMailbox reports that there is no such mailbox, as far as its server can tell.
func (back Returned) NoMailbox() bool { return back.Failed && slices.Contains(noMailbox, back.Status) }

// Policy reports that a rule forbade the letter, which says nothing of its mailbox.
func (back Returned) Policy() bool {
	return slices.ContainsFunc(notTheirs, func(s string) bool { return strings.HasPrefix(back.Status+".", s) })
}

// What is read of a report; servers send back no more of a letter than its head, or cut it.
const (
	maxReturned      = 4 << 20
	maxReturnedParts = 10
)

// ReadReturned reads a delivery status notification (RFC 3464), as mail servers send it to
// whoever sent a letter. Anything else is the fault mail.not_returned, a holiday note and a
// server's report in words alone among it.
func ReadReturned(r io.Reader) (back Returned, err error) {
	none := fault.Invalid("mail.not_returned")
	head := textproto.NewReader(bufio.NewReader(io.LimitReader(r, maxReturned)))
	top, err := head.ReadMIMEHeader()
	if err != nil {
		return back, none.Because(err)
	}
	kind, params, err := mime.ParseMediaType(top.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") || params["boundary"] == "" {
		return back, none
	}
	parts := multipart.NewReader(head.R, params["boundary"])
	said := false
	for range maxReturnedParts {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Returned{}, none.Because(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		switch inner := textproto.NewReader(bufio.NewReader(part)); kind {
		case "message/delivery-status", "message/global-delivery-status":
			said = back.read(inner) || said
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
			letter, _ := inner.ReadMIMEHeader() // a head that was cut has what stands before
			back.ID = strings.Trim(letter.Get("Message-Id"), "<> \t")
		}
	}
	if !said || !identifier(back.ID) {
		return Returned{}, none
	}
	return back, nil
}

// read takes what a report says of those to whom the letter went; all of ours go to one.
func (back *Returned) read(groups *textproto.Reader) (said bool) {
	for range maxReturnedParts {
		of, err := groups.ReadMIMEHeader()
		if action := of.Get("Action"); action != "" {
			said = true
			if back.Failed = back.Failed || strings.EqualFold(strings.TrimSpace(action), "failed"); back.Failed && back.Status == "" {
				back.Status, _, _ = strings.Cut(strings.TrimSpace(of.Get("Status")), " ")
			}
		}
		if err != nil {
			break
		}
	}
	if !statusCode(back.Status) {
		back.Status = ""
	}
	return said
}

// statusCode reports a status of RFC 3463.
func statusCode(s string) bool {
	return len(s) >= len("5.0.0") && len(s) <= len("5.999.999") && strings.Count(s, ".") == 2 && strings.Trim(s, "0123456789.") == ""
}
