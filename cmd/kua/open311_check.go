package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"kua/internal/fault"
	"kua/internal/open311"
	"kua/internal/open311/check"
)

// open311KeyEnv keeps a key off the command line, where others can see it.
const open311KeyEnv = "KUA_OPEN311_KEY"

// open311Check holds an endpoint of anybody's against the standard.
func (a *app) open311Check() *cobra.Command {
	var o check.Options
	var at string
	var asJSON bool
	c := a.command("check URL", "cli.open311.check", `
  kua open311 check https://city.example/open311/v2/
  kua open311 check https://city.example/open311/discovery.xml --json
  KUA_OPEN311_KEY=… kua open311 check https://test.city.example/open311/v2/ --write --service pothole --at 45.05,65.15`)
	c.Flags().StringVar(&o.Key, "key", "", a.t("cli.flag.check_key"))
	c.Flags().StringVar(&o.Jurisdiction, "jurisdiction", "", a.t("cli.flag.check_jurisdiction"))
	c.Flags().BoolVar(&o.Write, "write", false, a.t("cli.flag.check_write"))
	c.Flags().StringVar(&o.Service, "service", "", a.t("cli.flag.check_service"))
	c.Flags().StringVar(&at, "at", "", a.t("cli.flag.check_at"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if o.URL = args[0]; o.Key == "" {
			o.Key = a.env(open311KeyEnv)
		}
		if at != "" {
			if o.Place, err = degrees(at); err != nil {
				return err
			}
		}
		o.Progress = a.steps("cli.open311.check.step")
		report, err := check.Run(c.Context(), o)
		if err != nil {
			return err
		}
		if report.Errors() > 0 {
			a.code = 1
		}
		if asJSON {
			return printJSON(a.out, a.reportJSON(report))
		}
		a.sayFindings(report)
		return nil
	}
	return c
}

// degrees reads LAT,LONG.
func degrees(s string) (*open311.Point, error) {
	lat, long, _ := strings.Cut(s, ",")
	y, err1 := strconv.ParseFloat(strings.TrimSpace(lat), 64)
	x, err2 := strconv.ParseFloat(strings.TrimSpace(long), 64)
	if err1 != nil || err2 != nil || !(y >= -90 && y <= 90 && x >= -180 && x <= 180) {
		return nil, fault.Invalid("cli.open311.check.at", s)
	}
	return &open311.Point{Lat: y, Long: x}, nil
}

// steps says on a terminal how far it is; elsewhere it stays silent.
func (a *app) steps(key string) func(done, total int) {
	f, ok := a.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int, int) {}
	}
	return func(done, total int) {
		end := "\r"
		if done == total {
			end = "\n"
		}
		fmt.Fprint(f, a.t(key, done, total)+end)
	}
}

// sayFindings prints findings; what a server said is cleaned for the terminal.
func (a *app) sayFindings(r check.Report) {
	for _, f := range r.Findings {
		key := "cli.open311.check.error"
		if f.Warning {
			key = "cli.open311.check.warning"
		}
		a.say(key, f.Rule, f.Part)
		a.say("cli.open311.check.came", plainLine(f.Address), plainLine(f.Came), a.t("check311.rule."+f.Rule))
	}
	a.say("cli.open311.check.done", plainLine(r.Endpoint), r.Calls, r.Errors(), len(r.Findings)-r.Errors())
}

type findingJSON struct {
	check.Finding
	Wanted string `json:"wanted"`
}

type reportJSON struct {
	Endpoint string        `json:"endpoint"`
	Calls    int           `json:"calls"`
	Errors   int           `json:"errors"`
	Findings []findingJSON `json:"findings"`
}

func (a *app) reportJSON(r check.Report) reportJSON {
	out := reportJSON{r.Endpoint, r.Calls, r.Errors(), []findingJSON{}}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, findingJSON{f, a.t("check311.rule." + f.Rule)})
	}
	return out
}
