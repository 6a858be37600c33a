package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"kua/internal/edition"
	"kua/internal/receipt"
	"kua/internal/verify"
)

// filingCommand shows with a receipt that its report was at the desk by a day.
func (a *app) filingCommand() *cobra.Command {
	opts := verify.Options{}
	c := a.command("filing URL|DIR", "cli.filing", `
  kua filing https://kua.example.org
  KUA_RECEIPT=lusab-… kua filing /media/stick/edition`)
	c.Annotations = map[string]string{judges: ""}
	c.Flags().StringVar(&opts.Pinned, "charter", "", a.t("cli.flag.charter"))
	road := a.proxyFlag(c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		client, err := road()
		if err != nil {
			return err
		}
		r, err := a.readReceipt()
		if err != nil {
			return err
		}
		keys, err := r.Derive()
		if err != nil {
			return err
		}
		bar, finish := a.bar("cli.verify.progress")
		opts.Progress = func(p verify.Progress) { bar(p.Bytes, p.OfBytes) }
		src, err := openCopy(args[0], client)
		if err != nil {
			return err
		}
		report, err := verify.Edition(c.Context(), src, opts)
		finish()
		if err != nil {
			return err
		}
		if report.Result != verify.OK {
			a.sayReport(report)
			a.code = report.Result.ExitCode()
			return nil
		}
		return a.findFiling(c.Context(), src, report, receipt.Filing(keys.Blind))
	}
	return c
}

// findFiling looks for the receipt's line in the anchors, the first first. The
// copy has just been verified: every anchor is signed and logged.
func (a *app) findFiling(ctx context.Context, src verify.Source, report verify.Report, line string) error {
	for n := 1; n <= report.Edition; n++ {
		b, err := readAll(ctx, src, edition.AnchorPath(n))
		if err != nil {
			return err
		}
		found, err := edition.InAnchor(b, line)
		if err != nil {
			return err
		}
		if found {
			a.say("cli.filing.found", edition.AnchorPath(n), line, plainLine(report.Log.Origin))
			return nil
		}
	}
	a.say("cli.filing.none", report.Edition)
	a.code = 1
	return nil
}

// openCopy opens a copy of an edition in a folder or at an address.
func openCopy(target string, client *http.Client) (verify.Source, error) {
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return verify.Dir(target)
	}
	return verify.HTTP(target, client)
}

func readAll(ctx context.Context, src verify.Source, path string) ([]byte, error) {
	r, err := src.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, 64<<20))
}

// readReceipt takes the receipt from KUA_RECEIPT or asks for it.
func (a *app) readReceipt() (receipt.Receipt, error) {
	typed := a.env("KUA_RECEIPT")
	if typed == "" {
		var err error
		if typed, err = a.ask("cli.replies.ask"); err != nil && !errors.Is(err, io.EOF) { // nothing typed is no receipt
			return receipt.Receipt{}, err
		}
	}
	return receipt.Parse(typed)
}
