package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/canary"
	"kua/internal/fault"
	"kua/internal/gate"
)

func (a *app) canaryCommand() *cobra.Command {
	var out, places string
	var check bool
	c := a.command("canary FILE…", "cli.canary", `
  kua canary photo.jpg film.mp4 letter.docx -o planted
  kua canary --check cleaned/*
  kua canary --check cleaned/photo.jpg --places planted/photo.jpg.places.json`)
	c.Flags().StringVarP(&out, "out", "o", "planted", a.t("cli.flag.canary_out"))
	c.Flags().BoolVar(&check, "check", false, a.t("cli.flag.canary_check"))
	c.Flags().StringVar(&places, "places", "", a.t("cli.flag.canary_places"))
	c.Args = atLeast(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if check {
			return a.checkPlanted(args, places)
		}
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
	in, err := openInput(name)
	if err != nil {
		return err
	}
	defer in.Close()
	base := make([]byte, in.Size())
	if _, err := io.ReadFull(in, base); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
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
	a.say("cli.canary.done", plainLine(to), len(places))
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

// checkPlanted looks in every file for planted words, as the gate looks for an
// original's, and says which came through. A file that cannot be read may hold
// any: it counts like one that does.
func (a *app) checkPlanted(names []string, places string) error {
	needles, err := plantedIn(places)
	if err != nil {
		return err
	}
	for _, name := range names {
		found, err := cameThrough(name, needles)
		if err != nil {
			a.code = 1
			fmt.Fprintln(a.err, "kua: "+plainLine(name)+": "+a.words(err))
			continue
		}
		if len(found) == 0 {
			a.say("cli.canary.clean", plainLine(name), needles.Count())
		}
		for _, f := range found {
			a.code = 1
			a.say("cli.canary.came", plainLine(name), fmt.Sprintf("%s, @%d", strings.TrimSpace(f.Where+" "+f.Detail), f.Offset))
		}
	}
	return nil
}

// plantedIn reads the list of planted words; without one it is what all begin with.
func plantedIn(list string) (gate.Needles, error) {
	if list == "" {
		return gate.Needles{Values: []gate.Needle{{From: canary.Prefix, Text: canary.Prefix}}}, nil
	}
	b, err := os.ReadFile(list)
	if err != nil {
		return gate.Needles{}, err
	}
	var places []canary.Place
	if err := json.Unmarshal(b, &places); err != nil || len(places) == 0 {
		return gate.Needles{}, fault.Invalid("canary.no_places", list).Because(err)
	}
	var n gate.Needles
	for _, p := range places {
		if !strings.HasPrefix(p.Token, canary.Prefix) {
			return gate.Needles{}, fault.Invalid("canary.no_places", list)
		}
		n.Values = append(n.Values, gate.Needle{From: p.Name, Text: p.Token})
	}
	return n, nil
}

func cameThrough(name string, needles gate.Needles) ([]gate.Finding, error) {
	in, err := openInput(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return gate.Search(in, in.Size(), needles)
}
