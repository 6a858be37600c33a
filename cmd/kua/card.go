package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/card"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/kit"
	"kua/internal/locale"
)

// cardCommand draws cards from any copy: whoever can read a record can pass it on.
func (a *app) cardCommand() *cobra.Command {
	var out, lang, at string
	c := a.command("card URL|DIR RECORD…", "cli.card", `
  kua card https://kua.example.org 000123 --lang kk
  kua card /media/stick/edition 000123 000124 --lang all -o cards --at https://copy.example.net`)
	c.Flags().StringVarP(&out, "output", "o", ".", a.t("cli.flag.card_out"))
	c.Flags().StringVar(&lang, "lang", a.lang.Path(), a.t("cli.flag.card_lang", tagList()))
	c.Flags().StringVar(&at, "at", "", a.t("cli.flag.card_at"))
	_ = c.MarkFlagDirname("output") // only names a completion
	road := a.proxyFlag(c)
	c.Args = cobra.MinimumNArgs(2)
	c.RunE = func(c *cobra.Command, args []string) error {
		tag, ok := locale.Parse(lang)
		if !ok && lang != "all" {
			return fault.Invalid("cli.reader.no_lang", lang)
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
		cards, err := card.New(a.cat)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(out, 0o755); err != nil {
			return fault.Invalid("cli.appeal.no_folder", out).Because(err)
		}
		for _, id := range args[1:] {
			s, err := kit.Open(c.Context(), src, id, at)
			if err != nil {
				return err
			}
			tags := []locale.Tag{tag}
			if !ok {
				tags = kit.Languages(s.Record)
			}
			for _, tag := range tags {
				if err := a.writeCard(cards, s, tag, filepath.Join(out, id+"."+tag.Path()+".png")); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return c
}

func (a *app) writeCard(cards *card.Maker, s kit.Source, tag locale.Tag, name string) error {
	b, err := cards.PNG(s.Subject, tag)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fault.Conflict("cli.file.exists", name).Because(err)
	}
	if err := durable.WriteFile(name, b, 0o644); err != nil {
		return err
	}
	if err := cards.Lacks(s.Subject, tag); err != nil {
		f, _ := fault.Of(err)
		a.warn(f.Key, f.Args...)
	}
	a.say("cli.card.written", name, len(b), s.Record.ID, s.Record.Day, s.Page(tag))
	return nil
}

func tagList() string {
	var tags []string
	for _, t := range locale.Tags() {
		tags = append(tags, t.Path())
	}
	return strings.Join(tags, ", ")
}
