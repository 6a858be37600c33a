package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/reader"
	"kua/internal/verify"
	"kua/web"
)

func (a *app) readerCommand() *cobra.Command {
	c := a.command("reader", "cli.reader", `
  kua reader write https://kua.example.org 000123`)
	c.AddCommand(a.readerWrite())
	return c
}

func (a *app) readerWrite() *cobra.Command {
	var out, lang string
	var pinned string
	c := a.command("write URL|DIR RECORD…", "cli.reader.write", `
  kua reader write https://kua.example.org 000123
  kua reader write /media/stick/edition 000123 000124 --lang kk -o two.html`)
	var tags []string
	for _, t := range locale.Tags() {
		tags = append(tags, t.Path())
	}
	c.Flags().StringVarP(&out, "output", "o", "", a.t("cli.flag.reader_out"))
	c.Flags().StringVar(&lang, "lang", a.lang.Path(), a.t("cli.flag.reader_lang", strings.Join(tags, ", ")))
	c.Flags().StringVar(&pinned, "charter", "", a.t("cli.flag.charter"))
	road := a.proxyFlag(c)
	c.Args = cobra.MinimumNArgs(2)
	c.RunE = func(c *cobra.Command, args []string) error {
		tag, ok := locale.Parse(lang)
		if !ok {
			return fault.Invalid("cli.reader.no_lang", lang)
		}
		if out == "" {
			out = strings.Join(args[1:], "-") + ".html"
			if len(args) > 4 {
				out = args[1] + "-and-more.html"
			}
		}
		if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
			return fault.Conflict("cli.file.exists", out).Because(err)
		}
		client, err := road()
		if err != nil {
			return err
		}
		src, err := openEdition(args[0], client)
		if err != nil {
			return err
		}
		defer closeEdition(src)
		return a.writeSingle(c.Context(), src, args[1:], tag, out, pinned)
	}
	return c
}

// writeSingle verifies the records in their copy, as kua verify does, before it
// writes them: a file is not made of an old copy without saying so.
func (a *app) writeSingle(ctx context.Context, src verify.Source, ids []string, tag locale.Tag, out, pinned string) error {
	b, err := reader.Gather(ctx, src, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		report, err := verify.Record(ctx, src, id, verify.Options{Pinned: pinned})
		if err != nil {
			return err
		}
		if a.code = report.Result.ExitCode(); a.code != 0 {
			a.sayReport(report)
			return nil
		}
	}
	maker, err := a.newMaker()
	if err != nil {
		return err
	}
	report, err := b.Check(ctx, reader.Options{Pinned: pinned})
	if err != nil {
		return err
	}
	size := int64(0)
	err = durable.Replace(out, 0o644, func(w io.Writer) (err error) {
		size, err = maker.Write(ctx, w, b, tag)
		return err
	})
	if err != nil {
		return err
	}
	a.say("cli.reader.written", out, size, report.Records, report.Files, report.NotKept)
	name := a.collective(report.Name)
	a.say("cli.verify.charter", name, report.Charter)
	a.say("cli.reader.kept")
	return nil
}

func (a *app) newMaker() (*reader.Maker, error) {
	assets, err := web.Assets()
	if err != nil {
		return nil, err
	}
	return reader.NewMaker(a.cat, web.Templates(), assets)
}

func openEdition(where string, client *http.Client) (verify.Source, error) {
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		return verify.HTTP(where, client)
	}
	return verify.Dir(where)
}

func closeEdition(src verify.Source) {
	if c, ok := src.(io.Closer); ok {
		_ = c.Close() // a folder that was read
	}
}

// singleFile opens target when it is a file that the single-file reader made, or
// one that says so.
func singleFile(target string) (file *os.File, ok bool) {
	info, err := os.Stat(target)
	if err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	f, err := os.Open(target)
	if err != nil {
		return nil, false
	}
	head := make([]byte, 200)
	n, _ := io.ReadFull(f, head) // a shorter one is none
	if !reader.Is(head[:n]) {
		_ = f.Close()
		return nil, false
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, err == nil
}

func (a *app) verifySingle(ctx context.Context, f *os.File, name, against string, opts verify.Options) (verify.Report, error) {
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, reader.MaxFile+1))
	if err != nil {
		return verify.Report{}, fmt.Errorf("read %s: %w", name, err)
	}
	maker, err := a.newMaker()
	if err != nil {
		return verify.Report{}, err
	}
	report, err := maker.File(ctx, text, reader.Options{Pinned: opts.Pinned, Now: opts.Now})
	report.Subject = name
	if err != nil || against == "" || report.Result != verify.OK {
		return report, err
	}
	src, err := openEdition(against, opts.HTTP)
	if err != nil {
		return report, err
	}
	defer closeEdition(src)
	b, _, err := reader.Parse(text)
	if err != nil {
		return report, err
	}
	return report, b.Against(ctx, src, &report)
}

// saySingle says what the report of a single file means besides.
func (a *app) saySingle(r verify.Report, against string) {
	if r.Result == verify.OK {
		a.say("cli.verify.page_same")
	}
	if against == "" && r.Made != "" {
		a.say("cli.verify.reader_later", r.Made)
	}
}
