package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"kua/internal/fault"
	"kua/internal/gate"
	"kua/internal/media"
	"kua/internal/trace"
)

// cleanMoment is the time that every cleaned file bears: any other would say
// when somebody sat at the computer.
var cleanMoment = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

type cleanFlags struct {
	out             string
	size, jobs      int
	mute, keepNames bool
}

// cleanCommand makes clean files of originals outside any case.
func (a *app) cleanCommand() *cobra.Command {
	var f cleanFlags
	c := a.command("clean FILE…", "clean.cmd", `
  kua clean photo.jpg film.mov -o clean
  kua clean --mute --size 1600 *.mp4 *.heic -o clean`)
	c.Args = atLeast(1)
	c.Flags().StringVarP(&f.out, "out", "o", "", a.t("clean.flag.out"))
	c.Flags().IntVar(&f.size, "size", 4000, a.t("clean.flag.size"))
	c.Flags().BoolVar(&f.mute, "mute", false, a.t("clean.flag.mute"))
	c.Flags().BoolVar(&f.keepNames, "keep-names", false, a.t("clean.flag.keep_names"))
	c.Flags().IntVar(&f.jobs, "jobs", runtime.NumCPU(), a.t("clean.flag.jobs"))
	_ = c.MarkFlagRequired("out")
	c.RunE = func(c *cobra.Command, files []string) error {
		if f.jobs < 1 {
			return usageError{errors.New(a.t("clean.jobs", f.jobs))}
		}
		if err := media.Check(); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(f.out, 0o700); err != nil {
			return fmt.Errorf("make the folder %s: %w", f.out, err)
		}
		w := cleaning{app: a, cleanFlags: f, runner: &media.Runner{Self: self}, share: make([]float64, len(files))}
		return w.all(c.Context(), files)
	}
	return c
}

// cleaning is one call of the command.
type cleaning struct {
	*app
	cleanFlags
	runner *media.Runner
	placer placer

	mu    sync.Mutex // guards what follows, and what is printed
	share []float64  // of each file, how much is done
	bad   int
}

// all cleans several files at a time. One that fails does not stop the others;
// an interruption stops all, and leaves no half-made file.
func (w *cleaning) all(ctx context.Context, files []string) error {
	show, finish := w.bar("clean.progress")
	var g errgroup.Group
	g.SetLimit(w.jobs)
	for i, file := range files {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			line, err := w.one(ctx, i, file, func(share float64) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.share[i] = share
				sum := 0.0
				for _, s := range w.share {
					sum += s
				}
				show(int64(1000*sum), int64(1000*len(files)))
			})
			w.mu.Lock()
			defer w.mu.Unlock()
			switch {
			case err == nil:
				fmt.Fprintln(w.app.out, line)
			case ctx.Err() == nil:
				w.bad++
				fmt.Fprintln(w.err, "kua: "+plainLine(file)+": "+w.words(err))
			}
			return nil
		})
	}
	err := g.Wait()
	finish()
	switch {
	case ctx.Err() != nil:
		return fault.Invalid("clean.stopped")
	case err != nil:
		return err
	case w.bad > 0:
		return fault.Invalid("clean.some", w.bad, len(files))
	}
	return nil
}

// one cleans one file and gives the line about it.
func (w *cleaning) one(ctx context.Context, i int, file string, done func(share float64)) (string, error) {
	in, err := openInput(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	dir, err := os.MkdirTemp(w.cleanFlags.out, ".clean-")
	if err != nil {
		return "", fmt.Errorf("make room for the clean file: %w", err)
	}
	defer os.RemoveAll(dir)
	got, err := w.runner.Clean(ctx, in, media.Cleaning{Side: w.size, Mute: w.mute}, dir, func(d, total time.Duration) {
		done(float64(d) / float64(max(1, total)))
	})
	if err != nil {
		return "", err
	}
	if err := w.judge(ctx, file, in, got); err != nil {
		return "", err
	}
	done(1)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	target, err := w.place(i, file, got.Probe, got.Made)
	if err != nil {
		return "", err
	}
	return w.line(file, target, got.Probe, got.Made, got.Sheet), nil
}

// judge puts every file that was made through the gate, with what its original
// tells. One that does not pass never gets its name: it goes with the folder it
// lies in.
func (w *cleaning) judge(ctx context.Context, file string, in inputFile, got media.Cleaned) error {
	needles, err := needlesIn(in, file, got.Sheet)
	if err != nil {
		return err
	}
	for _, m := range got.Made {
		if err := w.pass(ctx, m, needles); err != nil {
			return err
		}
	}
	return nil
}

func (w *cleaning) pass(ctx context.Context, m media.Rendition, needles gate.Needles) error {
	f, err := openInput(m.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := w.runner.Gate(ctx, f, m.Type, needles)
	switch {
	case err != nil:
		return err
	case r.Clean():
		return nil
	case len(r.Findings) == 0:
		return fault.Invalid("clean.refused", m.Rung, w.t("gate.broken"), "-")
	}
	first := r.Findings[0]
	return fault.Invalid("clean.refused", m.Rung, w.t(first.What), first.Where)
}

// place gives the finished file its name, and never another's.
func (w *cleaning) place(i int, file string, probe media.Probe, made []media.Rendition) (string, error) {
	name := fmt.Sprintf("clean-%d", i+1)
	if w.keepNames {
		base := filepath.Base(file)
		name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	for _, m := range made {
		if err := w.placer.finish(m.Path, cleanMoment); err != nil {
			return "", fmt.Errorf("date the clean file: %w", err)
		}
	}
	if probe.Type == media.Document {
		return w.placePages(filepath.Join(w.cleanFlags.out, name), made)
	}
	target := filepath.Join(w.cleanFlags.out, name+filepath.Ext(made[0].Path))
	if err := w.placer.put(made[0].Path, target, cleanMoment); err != nil {
		return "", notOver(err, target)
	}
	return target, nil
}

// placePages makes a folder of pages, of which a new one alone is taken.
func (w *cleaning) placePages(target string, made []media.Rendition) (string, error) {
	if err := os.Mkdir(target, 0o700); err != nil {
		return "", notOver(err, target)
	}
	for _, m := range made {
		if err := os.Rename(m.Path, filepath.Join(target, filepath.Base(m.Path))); err != nil {
			return "", errors.Join(fmt.Errorf("place a page: %w", err), os.RemoveAll(target))
		}
	}
	return target, os.Chtimes(target, cleanMoment, cleanMoment)
}

func notOver(err error, target string) error {
	if errors.Is(err, os.ErrExist) {
		return fault.Invalid("clean.exists", target).Because(err)
	}
	return fmt.Errorf("place the clean file: %w", err)
}

// line says what was made, of what, and what stayed behind.
func (w *cleaning) line(file, target string, p media.Probe, made []media.Rendition, sheet trace.Sheet) string {
	file, target = plainLine(file), plainLine(target)
	first := made[0]
	what := ""
	switch p.Type {
	case media.Film:
		what = w.t("clean.made.film", target, file, p.Format, first.Width, first.Height, first.Seconds)
	case media.Sound:
		what = w.t("clean.made.sound", target, file, p.Format, first.Seconds)
	case media.Photo:
		what = w.t("clean.made.photo", target, file, p.Format, first.Width, first.Height)
	default:
		what = w.t("clean.made.document", target, file, p.Format, len(made))
	}
	what += " " + w.dropped(sheet)
	switch {
	case p.Type == media.Film && w.mute && p.HasSound():
		what += " " + w.t("clean.left.sound_of_film")
	case p.Pictures > 1:
		what += " " + w.t("clean.left.pictures", p.Pictures)
	}
	if other := len(p.Streams) - shownStreams(p); other > 0 {
		what += " " + w.t("clean.left.streams", other)
	}
	if first.Short {
		what += " " + w.t("clean.short")
	}
	return what
}

// dropped counts what the original told and the clean file does not.
func (w *cleaning) dropped(s trace.Sheet) string {
	different := map[trace.Kind]map[string]bool{}
	for _, f := range s.Facts {
		if different[f.Kind] == nil {
			different[f.Kind] = map[string]bool{}
		}
		different[f.Kind][f.Value+"\x00"+string(f.Raw)] = true
	}
	var counts []string
	count := func(key string, n int) {
		if n > 0 {
			counts = append(counts, w.t("clean.dropped."+key, n))
		}
	}
	for _, kind := range trace.Kinds {
		if kind == trace.Place && len(s.Track) > 1 {
			count("track", len(s.Track))
			continue
		}
		count(string(kind), len(different[kind]))
		if kind == trace.Time {
			count("preview", len(s.Previews))
		}
	}
	line := w.t("clean.dropped.none")
	if len(counts) > 0 {
		line = w.t("clean.dropped", strings.Join(counts, ", "))
	}
	if len(s.Gaps) > 0 {
		line += " " + w.t("clean.dropped.unread", len(s.Gaps))
	}
	return line
}

// shownStreams counts the picture and the sound that a derivative is made of.
func shownStreams(p media.Probe) (n int) {
	video, audio := 0, 0
	for _, s := range p.Streams {
		switch s.Kind {
		case "video":
			video = 1
		case "audio":
			audio = 1
		}
	}
	return video + audio
}
