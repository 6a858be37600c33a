package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/mail"
)

// laneReturned reads what mail servers send back to the lane's own address: that a letter to an
// authority or a reader did not arrive after all. Without files it reads one such report as it comes in.
func (a *app) laneReturned() *cobra.Command {
	var f laneFlags
	c := a.command("returned", "cli.lane.returned", `
  kua lane returned --data /var/lib/kua /var/mail/kua/new/*
  kua lane returned --data /var/lib/kua < report.eml`)
	c.Use += " [FILE…]"
	f.add(a, c)
	c.RunE = func(c *cobra.Command, files []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			if len(files) == 0 {
				return a.cameBack(c, l, "-", a.in)
			}
			for _, name := range files {
				if err := a.cameBackIn(c, l, name); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return c
}

func (a *app) cameBackIn(c *cobra.Command, l *lane.Lane, name string) (err error) {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return a.cameBack(c, l, name, file)
}

// cameBack takes one report. A mailbox gets other letters too: they are named and left alone.
func (a *app) cameBack(c *cobra.Command, l *lane.Lane, name string, r io.Reader) error {
	report, err := mail.ReadReturned(r)
	if errors.Is(err, fault.Invalid("mail.not_returned")) {
		a.say("cli.lane.returned.other", name)
		return nil
	}
	if err != nil {
		return err
	}
	if !report.Failed {
		a.say("cli.lane.returned.late", name)
		return nil
	}
	letter, _, _ := strings.Cut(report.ID, "@")
	if strings.HasPrefix(letter, "alert-") && !report.Policy() {
		return a.alertCameBack(c, l, name, letter, report)
	}
	back, err := l.CameBack(c.Context(), letter, report.Status)
	switch {
	case errors.Is(err, fault.NotFound("lane.not_sent")):
		a.say("cli.lane.returned.other", name)
	case err != nil:
		return err
	case back.Stopped:
		a.say("cli.lane.returned.stopped", name, back.Delivery, back.Request, back.Authority)
	default:
		a.say("cli.lane.returned.known", name, back.Delivery)
	}
	return nil
}

// alertCameBack takes a report on a letter to a reader, whose address is not said.
func (a *app) alertCameBack(c *cobra.Command, l *lane.Lane, name, letter string, report mail.Returned) error {
	why := lane.LetterRefused
	if report.NoMailbox() {
		why = lane.NoMailbox
	}
	ended, err := l.AlertCameBack(c.Context(), letter, why)
	if err != nil {
		return err
	}
	if ended {
		a.say("cli.lane.returned.alert", name)
	} else {
		a.say("cli.lane.returned.other", name)
	}
	return nil
}
