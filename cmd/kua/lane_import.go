package main

import (
	"os"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lane311"
	"kua/internal/locale"
)

// mostLines is how many lines of a file are told one by one.
const mostLines = 20

// laneImport takes over the cases of another system.
func (a *app) laneImport() *cobra.Command {
	var f laneFlags
	var source, language string
	var looked bool
	c := a.command("import FILE.csv", "cli.lane.import", `
  kua lane import old.csv --source old-city.example --data /var/lib/kua
  kua lane import old.csv --source old-city.example --language kk --looked-at --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().StringVar(&source, "source", "", a.t("cli.flag.lane_source"))
	c.Flags().StringVar(&language, "language", "", a.t("cli.flag.cases_language"))
	c.Flags().BoolVar(&looked, "looked-at", false, a.t("cli.flag.looked_at"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		file, err := os.Open(args[0])
		if err != nil {
			return fault.NotFound("cli.lane.import.file", args[0]).Because(err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return fault.NotFound("cli.lane.import.file", args[0]).Because(err)
		}
		return f.withLane(c, func(l *lane.Lane) error {
			progress, finish := a.bar("cli.lane.import.bar")
			o := lane311.Loading{Lane: l, Source: source, Language: locale.Tag(language), LookedAt: looked, Progress: progress}
			done, err := o.Load(c.Context(), file, info.Size())
			finish()
			if err != nil {
				return err
			}
			a.sayLines(done.Wrong)
			if len(done.Wrong) > 0 {
				return fault.Invalid("cli.lane.import.wrong", args[0], len(done.Wrong))
			}
			a.sayLines(done.Left)
			a.say("cli.lane.import.done", done.Fresh, done.There, len(done.Left))
			return nil
		})
	}
	return c
}

func (a *app) sayLines(all []lane311.LineFault) {
	for i, one := range all {
		if i == mostLines {
			a.say("cli.lane.import.more", len(all)-i)
			return
		}
		a.say("cli.lane.import.line", one.Line, a.words(one.Err))
	}
}
