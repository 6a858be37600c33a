package lane

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strings"
	"sync"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

const (
	alertsAsked = 3   // letters on a day to one address that ask whether it wants alerts
	alertsMost  = 20  // of one address
	alertDays   = 365 // as long an alert goes on
	alertPause  = time.Hour
	alertShown  = 50 // reports or acts in one letter
	alertTries  = 5  // times that a letter was refused for good, and its alert ends
	alertLater  = 30 // times that a mailbox took nothing for now, and its alerts end: five days and more (RFC 5321, 4.5.4.1)
	alertHash   = "kua open lane alert\n"
)

// Wish is what somebody wants to be told of by e-mail: an area, with or without a
// category, or one request.
type Wish struct {
	Address  string
	Language locale.Tag
	Area     string
	Category string
	Request  int64
}

// Alert is that an address is told of an area or a request.
type Alert struct {
	Wish
	Mark  string     // the secret of its links
	Asked bool       // it waits to be confirmed
	Since appeal.Day // confirmed, or asked
	Until appeal.Day // its last day

	kept lanedb.Alert
}

// Key names the next letter of an alert: the same at every try. The secret of the
// links cannot be told from it.
func (a Alert) Key() string { return fmt.Sprintf("%s-%d", alertName(a.Mark), a.kept.Round+1) }

func alertName(mark string) string {
	sum := sha256.Sum256([]byte(alertHash + mark))
	return fmt.Sprintf("alert-%x", sum[:8])
}

// AskAlert has an address asked whether it wants to be told; until it is confirmed
// nothing else is sent to it. Whether it will be asked is not said: it would tell
// what an address has already. The faults are lane.alert_address, lane.alert_of,
// authority.unknown and lane.no_request.
func (l *Lane) AskAlert(ctx context.Context, w Wish) error {
	address, err := mailbox(w.Address)
	if err != nil {
		return err
	}
	if tag, ok := locale.Parse(string(w.Language)); !ok || tag != w.Language {
		return fault.Invalid("lane.language", string(w.Language))
	}
	if err := l.alertOf(ctx, w); err != nil {
		return err
	}
	hash, err := l.addressHash(ctx, address)
	if err != nil {
		return err
	}
	_, err = l.db.AskAlert(ctx, lanedb.Alert{Mark: rand.Text(), Address: address, Language: string(w.Language), Area: w.Area, Category: w.Category, Request: w.Request,
		Day: string(l.today())}, hash, alertsAsked, alertsMost)
	return err
}

// alertOf holds what is to be told of against what there is.
func (l *Lane) alertOf(ctx context.Context, w Wish) error {
	if (w.Area == "") == (w.Request == 0) || w.Request != 0 && w.Category != "" {
		return fault.Invalid("lane.alert_of")
	}
	if w.Request != 0 {
		r, err := l.Request(ctx, w.Request)
		if err == nil && r.Hidden() {
			err = fault.NotFound("lane.no_request", w.Request)
		}
		return err
	}
	_, router, err := l.Current(ctx)
	if err != nil {
		return err
	}
	if _, err := router.Area(w.Area); err != nil {
		return err
	}
	if w.Category == "" {
		return nil
	}
	category, err := router.Category(w.Category)
	if err == nil && category.Sealed {
		err = fault.Conflict("lane.sealed", category.ID)
	}
	return err
}

// mailbox gives an address as it is kept: its domain in small letters. One with a
// name beside it, or with letters that old servers do not take, is refused.
func mailbox(s string) (string, error) {
	s = strings.TrimSpace(s)
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) { // RFC 5321, 4.5.3.1.3
		return "", fault.Invalid("lane.alert_address")
	}
	at := strings.LastIndex(s, "@")
	return s[:at] + strings.ToLower(s[at:]), nil
}

// addressHash stands for a mailbox where it is counted, however it is written.
func (l *Lane) addressHash(ctx context.Context, address string) (string, error) {
	key, err := l.linkKey(ctx)
	if err != nil {
		return "", err
	}
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	local, _, _ = strings.Cut(local, "+")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(alertHash + local + "@" + domain))
	return hex.EncodeToString(mac.Sum(nil)), nil
}

func alertOut(k lanedb.Alert) Alert {
	a := Alert{Wish: Wish{k.Address, locale.Tag(k.Language), k.Area, k.Category, k.Request}, Mark: k.Mark, Asked: k.State == lanedb.AlertAsked, Since: appeal.Day(k.Day), kept: k}
	if day, err := time.Parse(time.DateOnly, k.Day); err == nil && !a.Asked {
		a.Until = appeal.Day(day.AddDate(0, 0, alertDays).Format(time.DateOnly))
	}
	return a
}

// Alert gives the alert of a link, or the fault lane.no_alert.
func (l *Lane) Alert(ctx context.Context, mark string) (Alert, error) {
	if len(mark) > 40 || !plain(mark, 40) {
		return Alert{}, fault.NotFound("lane.no_alert")
	}
	k, err := l.db.Alert(ctx, mark)
	return alertOut(k), err
}

// ConfirmAlert turns an alert on whose address was asked. A second time changes
// nothing. The fault is lane.no_alert.
func (l *Lane) ConfirmAlert(ctx context.Context, mark string) error {
	if _, err := l.Alert(ctx, mark); err != nil {
		return err
	}
	yesterday := l.now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	return l.db.ConfirmAlert(ctx, mark, string(l.today()), yesterday, l.nextDigest(mark))
}

// nextDigest is in the first four hours of the next day, at a minute that differs
// from alert to alert.
func (l *Lane) nextDigest(mark string) time.Time {
	sum := sha256.Sum256([]byte(mark))
	return l.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1).Add(time.Duration(sum[0]) * time.Minute)
}

// EndAlert erases an alert with its address. One that is not there is over already.
func (l *Lane) EndAlert(ctx context.Context, mark string) error {
	if !plain(mark, 40) {
		return nil
	}
	return l.db.EndAlert(ctx, mark)
}

// EndAlertsOf erases all alerts of an address, and gives how many there were. The
// fault is lane.alert_address.
func (l *Lane) EndAlertsOf(ctx context.Context, address string) (int64, error) {
	address, err := mailbox(address)
	if err != nil {
		return 0, err
	}
	hash, err := l.addressHash(ctx, address)
	if err != nil {
		return 0, err
	}
	return l.db.EndAlertsOf(ctx, address, hash)
}

// AlertCount is how many alerts there are.
type AlertCount struct {
	Areas int64 `json:"areas"`
	Cases int64 `json:"cases"`
	Asked int64 `json:"asked"` // not confirmed yet
	Ended int64 `json:"ended"` // in this month and the eleven before, since their mailbox does not take them
}

// CountAlerts counts alerts; it names no address.
func (l *Lane) CountAlerts(ctx context.Context) (n AlertCount, err error) {
	n.Areas, n.Cases, n.Asked, n.Ended, err = l.db.CountAlerts(ctx, l.now().UTC().AddDate(0, -11, 0).Format("2006-01"))
	return n, err
}

// SweepAlerts erases addresses that were not confirmed within a day, and alerts
// that are a year old.
func (l *Lane) SweepAlerts(ctx context.Context) error {
	now := l.now().UTC()
	return l.db.ForgetAlerts(ctx, now.AddDate(0, 0, -1).Format(time.DateOnly), now.AddDate(0, 0, -alertDays).Format(time.DateOnly), string(l.today()))
}

// troubles are those of the house in a row, in this process: while they last all alerts
// rest together, since each letter would wait for the same silent server.
type troubles struct {
	mu    sync.Mutex // of what follows
	times int64
	until time.Time
}

// rest counts one more trouble and gives how long all alerts rest for it.
func (t *troubles) rest(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times++
	wait := pause(t.times)
	t.until = now.Add(wait)
	return wait
}

// over says that a server answered.
func (t *troubles) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times, t.until = 0, time.Time{}
}

func (t *troubles) resting(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Before(t.until)
}

// TakeAlert gives owner the next alert that is due, as Take does deliveries; none while all
// rest after a trouble of the house.
func (l *Lane) TakeAlert(ctx context.Context, owner string, lease time.Duration) (a Alert, ok bool, err error) {
	if l.troubles.resting(l.now()) {
		return Alert{}, false, nil
	}
	k, ok, err := l.db.TakeAlert(ctx, owner, l.now(), lease)
	return alertOut(k), ok, err
}

// News is what an alert has to tell: reports of an area, or acts of a request.
type News struct {
	Reports []Request
	Request Request // whose acts they are
	Acts    []Event
	More    bool // there is more than a letter holds

	told  string
	event int64
}

// None reports that there is nothing to tell.
func (n News) None() bool { return len(n.Reports) == 0 && len(n.Acts) == 0 }

// News gives what an alert has not been told yet. Of an area that is what came to
// be seen by everybody on days that are over, and is not taken back since, and what authorities
// that are bound there announced or pledged of the areas around it or of none; of a request, its acts. What is held is told to nobody.
func (l *Lane) News(ctx context.Context, a Alert) (n News, err error) {
	if a.Request != 0 {
		return l.acts(ctx, a)
	}
	n.told = l.now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	_, router, err := l.Current(ctx)
	if err != nil {
		return n, err
	}
	after, err := time.Parse(time.DateOnly, a.kept.Told)
	if err != nil {
		return n, fmt.Errorf("read up to when an alert was told: %w", err)
	}
	below, err := l.db.SinceDay(ctx, after.AddDate(0, 0, 1).Format(time.DateOnly))
	if err != nil {
		return n, err
	}
	d, today := router.Directory(), l.today()
	area := d.Now(a.Area)
	of := lanedb.Ground{Areas: d.Inside(area), Around: d.Around(area), Bound: router.Bound(area, today)}
	kept, err := l.db.Shown(ctx, below, a.kept.Told, string(today), of, a.Category, unseenStates(), alertShown+1)
	if err != nil {
		return n, err
	}
	if n.More = len(kept) > alertShown; n.More {
		kept = kept[:alertShown]
	}
	for _, k := range kept {
		r, err := shown(k)
		if err != nil {
			return n, err
		}
		n.Reports = append(n.Reports, r)
	}
	return n, nil
}

func (l *Lane) acts(ctx context.Context, a Alert) (n News, err error) {
	if n.Request, err = l.Request(ctx, a.Request); err != nil {
		return n, err
	}
	history, err := l.History(ctx, a.Request)
	if err != nil {
		return n, err
	}
	n.event = int64(len(history))
	if n.Request.Hidden() || n.Request.Visibility == authority.Held {
		return n, nil
	}
	n.Acts = history[min(a.kept.Event, n.event):]
	if n.More = len(n.Acts) > alertShown; n.More {
		n.Acts = n.Acts[len(n.Acts)-alertShown:]
	}
	return n, nil
}

// AlertSent keeps that an alert's letter was sent, or that it had none to send.
func (l *Lane) AlertSent(ctx context.Context, a Alert, n News) error {
	if a.Asked || !n.None() {
		l.troubles.over()
	}
	k := a.kept
	k.Round++
	if !a.Asked {
		k.Told, k.Event = n.told, n.event
	}
	pause := time.UnixMicro(0)
	if !n.None() {
		pause = l.now().Add(alertPause).Truncate(time.Minute)
	}
	return l.db.MarkAlert(ctx, k, l.nextDigest(a.Mark), pause)
}

// Trouble is why an alert's letter could not be sent.
type Trouble string

// The troubles. What is the house's own ends no alert, however long it lasts.
const (
	NotTried      Trouble = "not_tried"     // no mail can be sent at all, or this letter could not be written
	HouseTrouble  Trouble = "house"         // no server answered, or it takes nothing from this sender
	PolicyRefused Trouble = "policy"        // a rule of the server forbids it, which says nothing of the mailbox
	MailboxLater  Trouble = "mailbox_later" // the mailbox takes nothing now, or a refusal does not say why
	LetterRefused Trouble = "refused"       // this letter is refused for good
	NoMailbox     Trouble = "no_mailbox"    // nothing is ever taken for this address
)

// AlertFailed gives an alert back whose letter could not be sent, to be tried again. All
// alerts of an address for which nothing is ever taken end at once, and those of one that
// takes nothing for days; one whose letters are refused for good ends at once when it was
// not confirmed, else after several tries. After a trouble of the house all alerts rest, each time longer. Of what ended only month and reason are kept.
func (l *Lane) AlertFailed(ctx context.Context, a Alert, why Trouble) error {
	k, wait := a.kept, pause(a.kept.Tries)
	month := string(l.today())[:7]
	if why != NotTried && why != HouseTrouble {
		l.troubles.over()
	}
	switch {
	case why == NotTried:
		k.Tries--
		wait = idlePause
	case why == HouseTrouble:
		k.Tries-- // it says nothing of the address
		wait = l.troubles.rest(l.now())
	case why == PolicyRefused: // its pause grows, and nothing ends
	case why == NoMailbox, why == MailboxLater && k.Tries >= alertLater:
		return l.db.StopAlerts(ctx, k.Mark, k.Address, month, string(why))
	case why == LetterRefused && (a.Asked || k.Tries >= alertTries):
		return l.db.StopAlerts(ctx, k.Mark, "", month, string(why))
	}
	return l.db.GiveAlertBack(ctx, k, l.now().Add(wait))
}

// AlertCameBack takes a server's report that the letter of an alert, which it had taken, did not
// arrive: why is NoMailbox or LetterRefused, and ends all alerts of that address or this one. Only whoever got the letter
// knows its name. ok is false for one of no alert that there is.
func (l *Lane) AlertCameBack(ctx context.Context, name string, why Trouble) (ok bool, err error) {
	marks, err := l.db.AlertMarks(ctx)
	if err != nil {
		return false, err
	}
	for _, mark := range marks {
		if !strings.HasPrefix(name, alertName(mark)+"-") {
			continue
		}
		k, err := l.db.Alert(ctx, mark)
		if err != nil {
			return false, err
		}
		if why != NoMailbox {
			k.Address = ""
		}
		return true, l.db.StopAlerts(ctx, mark, k.Address, string(l.today())[:7], string(why))
	}
	return false, nil
}
