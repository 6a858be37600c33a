package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kua/internal/canary"
	"kua/internal/fault"
)

func (a *app) canaryCommand() *cobra.Command {
	var out string
	c := a.command("canary FILE…", "cli.canary", `
  kua canary photo.jpg film.mp4 letter.docx -o planted
  grep -c KuaCanary cleaned/*`)
	c.Flags().StringVarP(&out, "out", "o", "planted", a.t("cli.flag.canary_out"))
	c.Args = atLeast(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := os.MkdirAll(out, 0o700); err != nil {
			return err
		}
		for _, name := range args {
			if err := a.plant(name, filepath.Join(out, filepath.Base(name))); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

// plant writes a planted copy of a file and, beside it, the list of its words.
// It writes over nothing.
func (a *app) plant(name, to string) error {
	format := canary.FormatOf(name)
	if format == "" {
		return fault.Invalid("canary.unknown", filepath.Ext(name))
	}
	base, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	b, places, err := canary.Plant(format, base)
	if err != nil {
		return err
	}
	if err := writeNew(to, b); err != nil {
		return err
	}
	list, err := os.OpenFile(to+".places.json", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(printJSON(list, places), list.Close()); err != nil {
		return err
	}
	a.say("cli.canary.done", to, len(places))
	return nil
}

func writeNew(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}
