package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/kit"
	"kua/internal/verify"
)

// deskKit writes what a person needs who puts a record up at a network.
func (a *app) deskKit(f *deskFlags) *cobra.Command {
	var out, at string
	c := a.deskVerb(f, "kit RECORD", "cli.desk.kit", "kit --dir kua --as aigul 000123 -o kit-000123", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			if out == "" {
				out = "kit-" + args[0]
			}
			src, err := verify.Dir(s.Desk().Tree())
			if err != nil {
				return err
			}
			defer closeEdition(src)
			from, err := kit.Open(ctx, src, args[0], at)
			if err != nil {
				return err
			}
			return a.writeKit(ctx, from, out)
		})
	c.Flags().StringVarP(&out, "output", "o", "", a.t("cli.flag.kit_out"))
	c.Flags().StringVar(&at, "at", "", a.t("cli.flag.card_at"))
	_ = c.MarkFlagDirname("output") // only names a completion
	return c
}

func (a *app) writeKit(ctx context.Context, from kit.Source, out string) error {
	maker, err := kit.NewMaker(a.cat)
	if err != nil {
		return err
	}
	if old, err := os.ReadDir(out); len(old) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Conflict("kit.folder", out).Because(err)
	}
	size, err := maker.Write(ctx, from, a.lang, func(path string, content io.Reader) error {
		name := filepath.Join(out, filepath.FromSlash(path))
		if err := durable.MakeDirs(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return durable.Replace(name, 0o644, func(w io.Writer) error {
			_, err := io.Copy(w, content)
			return err
		})
	})
	if err != nil {
		return err
	}
	a.say("cli.desk.kit.done", out, size.Files, size.Bytes)
	return nil
}
