// Package telegram carries records on to a Telegram channel, through a bot that is
// one of the channel's administrators, by the Bot API
// (https://core.telegram.org/bots/api).
//
// It keeps nothing and tries nothing twice: package spread says what the errors it
// gives mean, package desk decides. The Bot API cannot be asked what a bot has
// posted, so a call that was cut off after its last byte stays unknown until a
// person has looked. The bot's token stands in no error.
package telegram

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf16"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/spread"
)

// Name is what channels of this platform have as their kind.
const Name = "telegram"

// The Bot API's limits: characters are counted as UTF-16 units, sizes are those of
// files that a bot uploads.
const (
	maxText      = 4096
	maxCaption   = 1024
	maxFilm      = 50_000_000
	maxPhoto     = 10_000_000
	maxThumbnail = 200_000
)

// Kind makes connectors to Telegram channels.
type Kind struct {
	HTTP   *http.Client  // the road; it must not be nil
	Server string        // "" is PublicServer
	Stall  time.Duration // a call without a byte for so long is given up; 0 is two minutes
}

var (
	tokenShape = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{20,100}$`)
	nameShape  = regexp.MustCompile(`^@[A-Za-z][A-Za-z0-9_]{3,31}$`)
	idShape    = regexp.MustCompile(`^-100[0-9]{5,15}$`)
)

// Check takes "@name" of a public channel or the number of any (-100…), and a token
// as BotFather gives it.
func (k Kind) Check(place string, secret []byte) error {
	if !nameShape.MatchString(place) && !idShape.MatchString(place) {
		return fault.Invalid("spread.telegram.place", place)
	}
	return CheckToken(k.Server, secret)
}

// PublicServer is Telegram's own Bot API server.
const PublicServer = "https://api.telegram.org"

// CheckToken says whether a bot's token is shaped as BotFather gives it, and refuses
// a server of the Bot API to which it would go readable for everybody on the way; ""
// is PublicServer. Nobody is called, and what it gives never holds the token.
func CheckToken(server string, token []byte) error {
	if !tokenShape.Match(token) {
		return fault.Invalid("spread.telegram.token_shape")
	}
	if server == "" {
		return nil
	}
	u, err := url.Parse(server)
	if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && (onion.Is(u.Hostname()) || onion.Loopback(u.Hostname()))) {
		return nil
	}
	return fault.Invalid("spread.telegram.server", server)
}

var numberShape = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

// At takes a message's number, or its link in this very channel.
func (Kind) At(c spread.Channel, id, url string) (spread.Remote, error) {
	at, err := spread.ParseRemote(id, url)
	if err != nil {
		return at, err
	}
	before := address(c.Place, "")
	for _, word := range []*string{&at.ID, &at.URL} {
		if link := strings.TrimPrefix(strings.TrimPrefix(*word, "https://"), "http://"); len(link) > len(before) && strings.EqualFold(link[:len(before)], before) {
			*word = link[len(before):]
		}
	}
	if at.URL == "" {
		at.URL = at.ID
	}
	if !numberShape.MatchString(at.ID) || at.URL != at.ID {
		return spread.Remote{}, fault.Invalid("spread.no_remote")
	}
	at.URL = "https://" + address(c.Place, at.ID)
	return at, nil
}

// address is where people see a message of a channel.
func address(place, message string) string {
	if name, ok := strings.CutPrefix(place, "@"); ok {
		return "t.me/" + name + "/" + message
	}
	return "t.me/c/" + strings.TrimPrefix(place, "-100") + "/" + message
}

// Open gives the connector of a channel.
func (k Kind) Open(c spread.Channel, secret []byte) (spread.Connector, error) {
	if err := k.Check(c.Place, secret); err != nil {
		return nil, err
	}
	if k.Server == "" {
		k.Server = PublicServer
	}
	if k.Stall == 0 {
		k.Stall = 2 * time.Minute
	}
	return channel{k, c.Place, string(secret)}, nil
}

// channel is one channel with the token of its bot.
type channel struct {
	kind  Kind
	place string
	token string
}

// Fit leaves the film with its still, else one picture, and the words that fit
// beside it.
func (Kind) Fit(m spread.Message) (spread.Message, error) {
	f, ok := choose(m)
	limit := maxText
	if ok {
		limit = maxCaption
	}
	text, err := m.Text(limit, func(s string) int { return len(utf16.Encode([]rune(s))) })
	if err != nil {
		return m, err
	}
	poster, still := m.Of(spread.Poster)
	m.Body, m.Files = text, nil
	if ok {
		m.Files = append(m.Files, f)
	}
	if ok && f.What == spread.Film && still && poster.Type == "image/jpeg" && poster.Size <= maxThumbnail {
		m.Files = append(m.Files, poster)
	}
	return m, nil
}

// Send posts the film with its words, else a picture with them, else words alone.
func (c channel) Send(ctx context.Context, m spread.Message) (spread.Remote, error) {
	m, err := c.kind.Fit(m)
	if err != nil {
		return spread.Remote{}, refused(err)
	}
	if len(m.Files) == 0 {
		return c.posted(ctx, func(ctx context.Context, b *bot.Bot) (*models.Message, error) {
			return b.SendMessage(ctx, &bot.SendMessageParams{ChatID: c.place, Text: m.Body, LinkPreviewOptions: noPreview})
		})
	}
	f := m.Files[0]
	in, err := f.Open()
	if err != nil {
		return spread.Remote{}, refused(err)
	}
	defer in.Close()
	upload := &models.InputFileUpload{Filename: f.Name, Data: in}
	if f.What != spread.Film {
		return c.posted(ctx, func(ctx context.Context, b *bot.Bot) (*models.Message, error) {
			return b.SendPhoto(ctx, &bot.SendPhotoParams{ChatID: c.place, Photo: upload, Caption: m.Body})
		})
	}
	p := &bot.SendVideoParams{ChatID: c.place, Video: upload, Width: f.Width, Height: f.Height, Caption: m.Body, SupportsStreaming: true}
	if still, ok := m.Of(spread.Poster); ok {
		small, err := still.Open()
		if err != nil {
			return spread.Remote{}, refused(err)
		}
		defer small.Close()
		p.Thumbnail = &models.InputFileUpload{Filename: still.Name, Data: small}
		p.Cover = &models.InputFileString{Data: "attach://thumbnail"}
	}
	return c.posted(ctx, func(ctx context.Context, b *bot.Bot) (*models.Message, error) { return b.SendVideo(ctx, p) })
}

// noPreview keeps telephones from loading more than the words.
var noPreview = &models.LinkPreviewOptions{IsDisabled: bot.True()}

// Edit puts other words under what stands there.
func (c channel) Edit(ctx context.Context, at spread.Remote, m spread.Message) (spread.Remote, error) {
	id, err := number(at)
	if err != nil {
		return at, refused(fault.Invalid("spread.no_remote"))
	}
	m, err = c.kind.Fit(m)
	if err != nil {
		return at, refused(err)
	}
	err = c.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		if len(m.Files) > 0 {
			_, err := b.EditMessageCaption(ctx, &bot.EditMessageCaptionParams{ChatID: c.place, MessageID: id, Caption: m.Body})
			return err
		}
		_, err := b.EditMessageText(ctx, &bot.EditMessageTextParams{ChatID: c.place, MessageID: id, Text: m.Body, LinkPreviewOptions: noPreview})
		return err
	})
	if says(err, "message is not modified") { // it was done before
		err = nil
	}
	return at, err
}

// Delete takes a message away.
func (c channel) Delete(ctx context.Context, at spread.Remote, _ spread.Message) error {
	id, err := number(at)
	if err != nil {
		return refused(fault.Invalid("spread.no_remote"))
	}
	err = c.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		_, err := b.DeleteMessage(ctx, &bot.DeleteMessageParams{ChatID: c.place, MessageID: id})
		return err
	})
	if says(err, "message to delete not found") {
		return &spread.Failure{Outcome: spread.Gone, Err: fault.NotFound("spread.not_there_by_that", at.ID)}
	}
	return err
}

// number gives a message's number; a person may have given its whole address.
func number(at spread.Remote) (int, error) {
	return strconv.Atoi(at.ID[strings.LastIndexByte(at.ID, '/')+1:])
}

// posted makes a call that gives a message, and says where that is.
func (c channel) posted(ctx context.Context, do func(context.Context, *bot.Bot) (*models.Message, error)) (spread.Remote, error) {
	var m *models.Message
	err := c.call(ctx, func(ctx context.Context, b *bot.Bot) (err error) {
		m, err = do(ctx, b)
		return err
	})
	if err != nil {
		return spread.Remote{}, err
	}
	if m == nil || m.ID <= 0 {
		return spread.Remote{}, &spread.Failure{Outcome: spread.Unknown, Err: fault.Later("spread.telegram.cut")}
	}
	id := strconv.Itoa(m.ID)
	return spread.Remote{ID: id, URL: "https://" + address(c.place, id)}, nil
}

// choose gives the file that goes with the words: a film, a card or a picture that
// the Bot API takes.
func choose(m spread.Message) (spread.File, bool) {
	if f, ok := m.Of(spread.Film); ok && f.Size <= maxFilm {
		return f, true
	}
	for _, what := range []string{spread.Card, spread.Poster} {
		if f, ok := m.Of(what); ok && f.Size <= maxPhoto && (f.Type == "image/jpeg" || f.Type == "image/png") {
			return f, true
		}
	}
	return spread.File{}, false
}

// call makes one call with a bot of its own, and says what is known of it when it
// fails.
func (c channel) call(waits context.Context, do func(context.Context, *bot.Bot) error) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(waits))
	defer cancel()
	r := &road{client: c.kind.HTTP, stall: c.kind.Stall, giveUp: cancel}
	// Whoever waits no more ends an upload. What was heard whole is waited for, as
	// long as any answer is: else nobody would know what became of it.
	defer context.AfterFunc(waits, func() {
		if !r.whole.Load() {
			cancel()
		}
	})()
	b, err := bot.New(c.token, bot.WithSkipGetMe(), bot.WithServerURL(c.kind.Server), bot.WithHTTPClient(0, r),
		bot.WithErrorsHandler(func(error) {}), bot.WithDebugHandler(func(string, ...any) {}), bot.WithUpdatesChannelCap(0))
	if err != nil {
		return refused(fault.Invalid("spread.telegram.token_shape"))
	}
	if err := do(ctx, b); err != nil {
		return c.failure(err, r)
	}
	return nil
}

func refused(err error) error { return &spread.Failure{Outcome: spread.Refused, Err: err} }

// road makes the calls of one try and remembers what of it could have arrived.
type road struct {
	client *http.Client
	stall  time.Duration
	giveUp context.CancelFunc

	status int         // of the answer; 0 while there is none
	whole  atomic.Bool // the call's end was given out: before that, no server can have taken it for whole
}

// maxAnswer is more than the Bot API ever answers to what is asked here.
const maxAnswer = 1 << 20

// Do makes the call. A redirect is not followed: nobody else is to get the token.
func (r *road) Do(req *http.Request) (*http.Response, error) {
	timer := time.AfterFunc(r.stall, r.giveUp)
	req.Body = &body{req.Body, r, timer}
	client := *r.client
	client.Timeout = 0 // a film may take its time; what does not move is given up
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		timer.Stop()
		return nil, err
	}
	r.status = resp.StatusCode
	resp.Body = &answer{io.LimitReader(resp.Body, maxAnswer), resp.Body, timer}
	return resp, nil
}
