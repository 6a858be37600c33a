package mail

import (
	"errors"
	"strings"
	"testing"

	"kua/internal/fault"
)

// postfix is a report as Postfix writes it.
const postfix = `Return-Path: <>
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: post@kua.example.org
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4BC2.1796/mx.example"

This is a MIME-encapsulated message.

--4BC2.1796/mx.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<roads@city-hall.example>: host mx.city-hall.example said: 550 5.1.1 User unknown
Message-ID: <typed@in.words>

--4BC2.1796/mx.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: 4BC2
Arrival-Date: Sat, 28 Nov 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; roads@city-hall.example
Original-Recipient: rfc822;roads@city-hall.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.city-hall.example
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--4BC2.1796/mx.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: post@kua.example.org
To: roads@city-hall.example
Subject: 1: Pothole
Message-ID: <case-1-1-1-0-0123456789abcdef-00@kua.example.org>

--4BC2.1796/mx.example--
`

// TestReadReturned: what mail servers report of a letter is read as RFC 3464 has it, and
// nothing else is taken for such a report.
func TestReadReturned(t *testing.T) {
	const id = "case-1-1-1-0-0123456789abcdef-00@kua.example.org"
	crlf := strings.ReplaceAll(postfix, "\n", "\r\n")
	for name, c := range map[string]struct {
		text string
		want Returned
	}{
		"Postfix":           {crlf, Returned{id, "5.1.1", true}},
		"bare line ends":    {postfix, Returned{id, "5.1.1", true}},
		"late":              {strings.NewReplacer("Action: failed", "Action: delayed", "Status: 5.1.1", "Status: 4.4.1").Replace(crlf), Returned{id, "", false}},
		"expired":           {strings.NewReplacer("Action: failed", "action: FAILED", "Status: 5.1.1", "Status: 4.4.7 (expired)").Replace(crlf), Returned{id, "4.4.7", true}},
		"no status":         {strings.Replace(crlf, "Status: 5.1.1", "Status: <b>", 1), Returned{id, "", true}},
		"the letter itself": {strings.Replace(crlf, "text/rfc822-headers", "message/rfc822", 1) + strings.Repeat("words\r\n", 1000), Returned{id, "5.1.1", true}},
		"one of two":        {strings.Replace(crlf, "Final-Recipient: rfc822; roads", "Final-Recipient: rfc822; other@x.example\r\nAction: relayed\r\nStatus: 2.0.0\r\n\r\nFinal-Recipient: rfc822; roads", 1), Returned{id, "5.1.1", true}},
	} {
		got, err := ReadReturned(strings.NewReader(c.text))
		if err != nil || got != c.want || got.NoMailbox() != (got.Status == "5.1.1") || got.Policy() {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	for name, text := range map[string]string{
		"nothing":         "",
		"no letter":       "MZ\x00\x01",
		"a holiday note":  "From: a@b.example\r\nAuto-Submitted: auto-replied\r\n\r\nMessage-ID: <" + id + ">\r\nAction: failed\r\n",
		"a read receipt":  strings.Replace(crlf, "report-type=delivery-status", "report-type=disposition-notification", 1),
		"no name":         strings.Replace(crlf, "Message-ID: <case", "X-Other: <case", 1),
		"no report in it": strings.Replace(crlf, "message/delivery-status", "text/plain", 1),
		"cut off":         crlf[:strings.Index(crlf, "Action")],
		"no boundary":     strings.Replace(crlf, "boundary=", "other=", 1),
	} {
		if got, err := ReadReturned(strings.NewReader(text)); !errors.Is(err, fault.Invalid("mail.not_returned")) || got != (Returned{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzReadReturned(f *testing.F) {
	f.Add(postfix)
	f.Add(strings.ReplaceAll(postfix, "\n", "\r\n"))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadReturned(strings.NewReader(text))
		if err == nil && (!identifier(got.ID) || got.Status != "" && !statusCode(got.Status)) || err != nil && got != (Returned{}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
