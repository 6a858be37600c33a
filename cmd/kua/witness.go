package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/witness"
)

// reportFlags is what a witness says on the command line.
type reportFlags struct {
	what, text, textFile, when, where, fear string
	face, voice, place                      bool
	lookFlags
}

func (f *reportFlags) add(a *app, c *cobra.Command) {
	c.Flags().StringVar(&f.what, "what", "", a.t("cli.flag.what", strings.Join(parcel.Whats(), ", ")))
	c.Flags().StringVar(&f.text, "text", "", a.t("cli.flag.text"))
	c.Flags().StringVar(&f.textFile, "text-file", "", a.t("cli.flag.text_file"))
	c.Flags().StringVar(&f.when, "when", "", a.t("cli.flag.when"))
	c.Flags().StringVar(&f.where, "where", "", a.t("cli.flag.where"))
	c.Flags().StringVar(&f.fear, "fear", "", a.t("cli.flag.fear"))
	c.Flags().BoolVar(&f.face, "publish-face", false, a.t("cli.flag.publish_face"))
	c.Flags().BoolVar(&f.voice, "publish-voice", false, a.t("cli.flag.publish_voice"))
	c.Flags().BoolVar(&f.place, "publish-place", false, a.t("cli.flag.publish_place"))
	f.lookFlags.add(a, c)
}

func (f *reportFlags) report(a *app) (parcel.Report, error) {
	text := f.text
	if f.textFile != "" {
		b, err := os.ReadFile(f.textFile)
		if err != nil {
			return parcel.Report{}, fmt.Errorf("read the report's text: %w", err)
		}
		text = string(b)
	}
	return parcel.Report{
		Kind: parcel.ReportKind, Written: time.Now().UTC().Format(time.DateOnly),
		What: f.what, Text: text, When: f.when, Where: f.where, Fear: f.fear, Language: string(a.lang),
		Consent: parcel.Consent{Face: f.face, Voice: f.voice, Place: f.place},
	}, nil
}

func (a *app) reportCommand() *cobra.Command {
	var flags reportFlags
	var to []string
	var charterID, keep string
	c := a.command("report [FILE…]", "cli.report", `
  kua report --to https://kua.example.org --what bribe --text "…" dashcam.mp4
  kua report --to https://a.example --to https://b.example --what shooting --text-file what.txt film.mov photo.jpg
  kua report --to https://kua.example.org --what beating --text "…" --look --take-out photo.jpg`)
	flags.add(a, c)
	c.Flags().StringArrayVar(&to, "to", nil, a.t("cli.flag.to"))
	c.Flags().StringVar(&charterID, "charter", "", a.t("cli.flag.charter"))
	c.Flags().StringVar(&keep, "keep", "", a.t("cli.flag.keep"))
	_ = c.MarkFlagRequired("to")
	road := a.proxyFlag(c)
	c.RunE = func(c *cobra.Command, files []string) error {
		client, err := road()
		if err != nil {
			return err
		}
		by := nodeapi.WithHTTP(client)
		sealed := keep
		if sealed == "" {
			sealed = "kua-report-" + strings.ToLower(rand.Text()[:8]) + ".kua"
		}
		defer untilHungUp(c)()
		attached, remove, err := a.attached(c, &flags.lookFlags, files, sealed)
		if err != nil {
			return err
		}
		defer remove()
		ch, err := a.newestCharter(c.Context(), to, charterID, by)
		if err != nil {
			return err
		}
		if err := anyNamed(c.Context(), ch, to, by); err != nil {
			return err
		}
		if err := a.seal(c.Context(), ch, &flags, attached, sealed); err != nil {
			return err
		}
		remove() // before the long sending
		if err := a.sendToAll(c.Context(), ch, to, sealed, by); err != nil || keep != "" {
			return err
		}
		return os.Remove(sealed)
	}
	return c
}

func (a *app) sealCommand() *cobra.Command {
	var flags reportFlags
	var from, out, charterID string
	c := a.command("seal [FILE…]", "cli.seal", `
  kua seal --charter-file charter/ --what beating --text "…" --out report.kua film.mp4
  kua send --to https://kua.example.org report.kua`)
	flags.add(a, c)
	c.Flags().StringVar(&from, "charter-file", "", a.t("cli.flag.charter_file"))
	c.Flags().StringVar(&charterID, "charter", "", a.t("cli.flag.charter"))
	c.Flags().StringVarP(&out, "out", "o", "report.kua", a.t("cli.flag.out"))
	_ = c.MarkFlagRequired("charter-file")
	c.RunE = func(c *cobra.Command, files []string) error {
		chain, err := readCharter(from)
		if err != nil {
			return err
		}
		ch, err := chain.Verify(charterID)
		if err != nil {
			return err
		}
		defer untilHungUp(c)()
		attached, remove, err := a.attached(c, &flags.lookFlags, files, out)
		if err != nil {
			return err
		}
		defer remove()
		return a.seal(c.Context(), ch, &flags, attached, out)
	}
	return c
}

func (a *app) sendCommand() *cobra.Command {
	var to []string
	var from, charterID, through string
	c := a.command("send FILE", "cli.send", `
  kua send --to https://kua.example.org report.kua
  kua send --to https://kua.example.org --charter-file charter/ report.kua
  kua send --through /media/stick report.kua`)
	c.Flags().StringArrayVar(&to, "to", nil, a.t("cli.flag.to"))
	c.Flags().StringVar(&from, "charter-file", "", a.t("cli.flag.charter_file"))
	c.Flags().StringVar(&charterID, "charter", "", a.t("cli.flag.charter"))
	c.Flags().StringVar(&through, "through", "", a.t("cli.flag.through"))
	road := a.proxyFlag(c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(to) == 0 && through == "" {
			return fault.Invalid("courier.which_way")
		}
		client, err := road()
		if err != nil {
			return err
		}
		var nodes []*nodeapi.Client
		for _, url := range to {
			node, err := a.believed(c.Context(), url, from, charterID, nodeapi.WithHTTP(client))
			if err == nil && through == "" {
				err = a.send(c.Context(), node, args[0])
			}
			if ft, ok := fault.Of(err); ok && ft.Kind == fault.KindLater && through != "" {
				continue // it cannot be reached: then everything goes by hand
			}
			if err != nil {
				return err
			}
			nodes = append(nodes, node)
		}
		if through == "" {
			return nil
		}
		return a.sendThrough(c.Context(), through, args[0], nodes)
	}
	return c
}

func (a *app) repliesCommand() *cobra.Command {
	var from, through string
	c := a.command("replies", "cli.replies", `
  kua replies --from https://kua.example.org
  kua replies --through /media/stick`)
	c.Flags().StringVar(&from, "from", "", a.t("cli.flag.from"))
	c.Flags().StringVar(&through, "through", "", a.t("cli.flag.through"))
	road := a.proxyFlag(c)
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (from == "") == (through == "") {
			return fault.Invalid("courier.which_way")
		}
		client, err := road()
		if err != nil {
			return err
		}
		node := nodeapi.NewClient(from, nodeapi.WithHTTP(client))
		if through != "" {
			var close func() error
			if node, close, err = repliesThrough(through); err != nil {
				return err
			}
			defer close()
		}
		r, err := a.readReceipt()
		if err != nil {
			return err
		}
		texts, err := witness.Replies(c.Context(), node, r)
		if err != nil {
			return err
		}
		if len(texts) == 0 {
			a.say("cli.replies.none")
		}
		for n, text := range texts {
			a.say("cli.replies.one", n+1, len(texts))
			fmt.Fprintln(a.out, plainText(text))
		}
		return nil
	}
	return c
}

// believed gives a client for the node at url: one that believes it only under a
// key that the charter in a folder names, or the node's own charter of a number
// that is trusted. Where neither is given, or the charter names no node, the
// server is believed on its own word, which is said.
func (a *app) believed(ctx context.Context, url, folder, pinned string, by nodeapi.Option) (*nodeapi.Client, error) {
	var ch charter.Charter
	var err error
	switch {
	case folder != "":
		var chain charter.Chain
		if chain, err = readCharter(folder); err == nil {
			ch, err = chain.Verify(pinned)
		}
	case pinned != "":
		ch, err = a.newestCharter(ctx, []string{url}, pinned, by)
	}
	if err != nil {
		return nil, err
	}
	if len(ch.Nodes) > 0 {
		return namedNode(ctx, ch, url, by)
	}
	fmt.Fprintln(a.err, a.t("cli.send.believed", url))
	return nodeapi.NewClient(url, by), nil
}

// namedNode gives a client that believes the node at url only under a key that
// the charter names. Another server's word that it holds the report is worth
// nothing, and on that word the sealed file is erased.
func namedNode(ctx context.Context, ch charter.Charter, url string, by nodeapi.Option) (*nodeapi.Client, error) {
	info, err := nodeapi.NewClient(url, by).Node(ctx)
	if err != nil {
		return nil, err
	}
	if err := ch.Named(info.Key); err != nil {
		return nil, err
	}
	return nodeapi.NewClient(url, by, nodeapi.WithNodeKey(info.Key)), nil
}

func (a *app) seal(ctx context.Context, ch charter.Charter, flags *reportFlags, files []witness.File, out string) error {
	report, err := flags.report(a)
	if err != nil {
		return err
	}
	progress, finish := a.bar("cli.seal.progress")
	r, err := witness.Seal(ctx, ch, report, files, out, progress)
	finish()
	if err != nil {
		return err
	}
	a.say("cli.seal.done", len(ch.Current()))
	a.say("cli.receipt", r.String(), r.Cyrillic())
	return nil
}

func (a *app) send(ctx context.Context, node *nodeapi.Client, path string) error {
	progress, finish := a.bar("cli.send.progress", node.URL())
	sent, err := witness.Send(ctx, node, path, progress)
	finish()
	if err != nil {
		return err
	}
	if sent.LetGo {
		a.say("cli.send.let_go")
	}
	if sent.Already > 0 {
		a.say("cli.send.resumed", sent.Already)
	}
	a.say("cli.send.done", node.URL(), sent.Parcel, sent.Acknowledgement.Day)
	return nil
}
