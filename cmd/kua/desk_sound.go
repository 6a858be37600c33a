package main

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/caption"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/redact"
)

// deskCaptions brings in or prints what is said in an original.
func (a *app) deskCaptions(f *deskFlags) *cobra.Command {
	var language string
	var export bool
	c := a.deskVerb(f, "captions ORIGINAL [FILE]", "cli.desk.captions",
		"captions --dir kua --as aigul 1 --language kk said.srt\n  kua desk captions --dir kua --as aigul 1 --language kk --export > said.vtt",
		usage(cobra.RangeArgs(1, 2)),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			tag, known := locale.Parse(language)
			if !known {
				return fault.Invalid("cli.desk.captions.no_language", languages())
			}
			language = string(tag)
			if export != (len(args) == 1) {
				return usageError{errors.New("give either FILE or --export")}
			}
			if export {
				b, err := s.Desk().ExportCaptions(ctx, id, language)
				if err == nil {
					_, err = a.out.Write(b)
				}
				return err
			}
			b, err := a.subtitles(args[1])
			if err != nil {
				return err
			}
			lines, version, err := s.ImportCaptions(ctx, id, language, b)
			if err != nil {
				return err
			}
			a.say("cli.desk.captions.done", lines, language, version)
			a.say("cli.desk.captions.check")
			return nil
		})
	c.Flags().StringVar(&language, "language", "", a.t("cli.flag.caption_language"))
	c.Flags().BoolVar(&export, "export", false, a.t("cli.flag.caption_export"))
	return c
}

func languages() string {
	var all []string
	for _, t := range locale.Tags() {
		all = append(all, string(t))
	}
	return strings.Join(all, ", ")
}

// subtitles reads a file, or standard input for "-", as far as subtitles can be long.
func (a *app) subtitles(path string) ([]byte, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.NotFound("witness.no_file", path).Because(err)
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, caption.MaxBytes+1))
}

// deskSound says what of an original's sound may be heard.
func (a *app) deskSound(f *deskFlags) *cobra.Command {
	var mute, forget bool
	var keeps []string
	var speak string
	c := a.deskVerb(f, "sound ORIGINAL", "cli.desk.sound",
		`sound --dir kua --as aigul 1 --keep "0:03-0:05 shots"`+"\n  kua desk sound --dir kua --as aigul 1 --speak ru", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			if !mute && !forget && len(keeps) == 0 && speak == "" {
				return fault.Invalid("cli.desk.sound.nothing")
			}
			kept := make([]redact.Span, len(keeps))
			for i, k := range keeps {
				if kept[i], err = span(k); err != nil {
					return err
				}
			}
			version, err := s.ChangePlan(ctx, id, func(p *redact.Plan) {
				p.MuteAll = p.MuteAll || mute || len(kept) > 0
				if forget {
					p.Keeps = nil
				}
				for _, k := range kept {
					p.Keep(k.From, k.To, k.Note, s.Name())
				}
				switch speak {
				case "":
				case "none":
					p.Speak = ""
				default:
					p.MuteAll, p.Speak = true, speak
				}
			})
			if err != nil {
				return err
			}
			a.say("cli.desk.sound.done", version)
			if len(kept) > 0 {
				a.say("sound.kept_warning")
			}
			return nil
		})
	c.Flags().BoolVar(&mute, "mute-all", false, a.t("cli.flag.mute_all"))
	c.Flags().StringArrayVar(&keeps, "keep", nil, a.t("cli.flag.keep_sound"))
	c.Flags().BoolVar(&forget, "forget-keeps", false, a.t("cli.flag.forget_keeps"))
	c.Flags().StringVar(&speak, "speak", "", a.t("cli.flag.speak"))
	return c
}

// rangeShape is "0:03-1:02:03.5 what is heard".
var rangeShape = regexp.MustCompile(`^([0-9:.]{1,15})-([0-9:.]{1,15})(?:\s+(.*))?$`)

func span(s string) (redact.Span, error) {
	m := rangeShape.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return redact.Span{}, fault.Invalid("cli.desk.sound.range", s)
	}
	from, ok := clock(m[1])
	to, also := clock(m[2])
	if !ok || !also || to <= from {
		return redact.Span{}, fault.Invalid("cli.desk.sound.range", s)
	}
	return redact.Span{From: from, To: to, Note: m[3]}, nil
}

// clock reads [[h:]m:]s[.fraction] in milliseconds.
func clock(s string) (ms int64, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(parts[len(parts)-1], ".")
	parts[len(parts)-1] = whole
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil || i > 0 && n > 59 {
			return 0, false
		}
		ms = ms*60 + int64(n)
	}
	thousandths := (fraction + "000")[:3]
	n, err := strconv.ParseUint(thousandths, 10, 32)
	return ms*1000 + int64(n), err == nil && len(fraction) <= 3
}
