package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"kua/internal/fault"
	"kua/internal/gate"
)

// BoxCommand is the first argument with which Runner.Self is called in the box.
const BoxCommand = "box"

// RunBoxed is the stage inside the box; cmd/kua's hidden "box" command calls it
// with the arguments after "box" and exits with what it returns. It finds its
// orders on standard input, the original behind descriptor 3, its output
// directory at /out, and answers on standard output. It refuses to run
// anywhere else.
func RunBoxed(args []string) int {
	if os.Getpid() > 100 || !exists("/kua") {
		fmt.Fprintln(os.Stderr, "this is the inside of a box; it is not meant to be run by hand")
		return 2
	}
	say := json.NewEncoder(os.Stdout)
	result, err := runBoxed(say)
	if err != nil {
		_ = say.Encode(message{Fault: wireFault(err)})
		return 1
	}
	if err := say.Encode(message{Result: result}); err != nil {
		return 1
	}
	return 0
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func runBoxed(say *json.Encoder) (json.RawMessage, error) {
	syscall.CloseOnExec(inputDescriptor) // no tool speaks to the desk
	var j job
	if err := json.NewDecoder(io.LimitReader(os.Stdin, 64<<20)).Decode(&j); err != nil {
		return nil, fmt.Errorf("read the box's orders: %w", err)
	}
	if err := confine(j.Limits); err != nil {
		return nil, fmt.Errorf("confine the box: %w", err)
	}
	in := newRemote(os.NewFile(inputDescriptor, "input"), j.Size)
	url, err := serveHTTP(in)
	if err != nil {
		return nil, err
	}
	s := &stage{job: j, in: in, url: url, out: "/out"}
	s.report = throttle(func(done, total time.Duration) {
		_ = say.Encode(message{Done: done, Total: total})
	})
	var result any
	switch j.Do {
	case "probe":
		result, err = s.probe()
	case "film":
		result, err = s.film()
	case "photo":
		result, err = s.photo()
	case "clean photo":
		result, err = s.cleanPhoto()
	case "sound":
		result, err = s.sound()
	case "trace":
		result, err = s.trace()
	case "look":
		result, err = s.look(suggesters, true)
	case "review":
		result, err = s.look(reviewers, false)
	case "follow":
		result, err = s.follow()
	case "speech":
		result, err = s.speech()
	case "document":
		result, err = s.document()
	case "pages":
		result, err = s.pages()
	case "view":
		result, err = s.view()
	case "likeness":
		result, err = s.likeness()
	case "gate":
		result, err = gate.Check(in, in.size, j.MediaType, j.Needles)
	default:
		err = fmt.Errorf("no such work: %q", j.Do)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// inputDescriptor is where the original's bytes are asked for.
const inputDescriptor = 3

// stage is the work inside the box.
type stage struct {
	job
	in     *remote
	url    string // of the original, for ffmpeg
	out    string // the output directory
	report Progress
	turned []image.Point // of a document's pages: the proportion of one that is turned
}

// throttle lets progress through at most eight times a second, but always the
// last.
func throttle(p Progress) Progress {
	var mu sync.Mutex
	var last time.Time
	return func(done, total time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); done >= total || now.Sub(last) >= 125*time.Millisecond {
			last = now
			p(done, total)
		}
	}
}

// memoryForGo leaves room below the address space for what is not heap.
func memoryForGo(l Limits) { debug.SetMemoryLimit(l.MemoryBytes / 2) }

// reading is how ffmpeg is told to open the original: the one demuxer that the
// first bytes speak for, the one road to it, and no more.
func (s *stage) reading() []string {
	return []string{
		"-protocol_whitelist", "http,tcp", "-f", s.Format.Demuxer, "-format_whitelist", s.Format.Allow,
		"-max_pixels", fmt.Sprint(s.Limits.FramePixels), "-max_streams", "64",
		"-i", s.url,
	}
}

// tool prepares a program in the box.
func tool(ctx context.Context, name string, args ...string) (*exec.Cmd, *tail) {
	common := []string{"-v", "error"}
	if name == "ffmpeg" {
		common = append(common, "-nostdin", "-y", "-filter_threads", "1", "-filter_complex_threads", "1")
	}
	return program(ctx, name, append(common, args...)...)
}

// program prepares any program in the box.
func program(ctx context.Context, name string, args ...string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, "/usr/bin/"+name, args...)
	said := &tail{max: 16 << 10}
	cmd.Stderr = said
	return cmd, said
}

// toolFailed makes a fault of a tool's end, in our own words. Our own context's
// end is not the tool's fault.
func toolFailed(key string, err error, said *tail) error {
	if said.contains("File too large") || said.contains("No space left") || err != nil && strings.Contains(err.Error(), "file size limit") {
		return fault.TooLarge("media.output")
	}
	return fault.Invalid(key).Because(errors.Join(exitOnly(err), said.reason()))
}

// exitOnly keeps an exit status or signal and drops everything else.
func exitOnly(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return errors.New(exit.ProcessState.String())
	}
	return err
}

// boxFault is a fault on its way out of the box.
type boxFault struct {
	Kind  fault.Kind
	Key   string
	Args  []string `json:",omitempty"`
	Cause string   `json:",omitempty"`
}

func wireFault(err error) *boxFault {
	f, ok := fault.Of(err)
	if !ok {
		return &boxFault{Kind: fault.KindInternal, Key: "media.box_died", Cause: err.Error()}
	}
	w := &boxFault{Kind: f.Kind, Key: f.Key}
	for _, a := range f.Args {
		w.Args = append(w.Args, fmt.Sprint(a))
	}
	if f.Cause != nil {
		w.Cause = f.Cause.Error()
	}
	return w
}

// fault turns what the box said into a fault of ours. Whoever took over the box
// can choose the words, so they are cut down to what our own faults look like.
func (w *boxFault) fault() error {
	ours := strings.HasPrefix(w.Key, "media.") || strings.HasPrefix(w.Key, "trace.")
	if !ours || strings.Trim(w.Key, "abcdefghijklmnopqrstuvwxyz._") != "" ||
		w.Kind < fault.KindInternal || w.Kind > fault.KindMissing || len(w.Args) > 4 {
		return fault.New(fault.KindInternal, "media.box_died")
	}
	f := fault.New(w.Kind, w.Key)
	for _, a := range w.Args {
		f.Args = append(f.Args, plain(a, 40))
	}
	if w.Cause != "" {
		f.Cause = errors.New(plain(w.Cause, 200))
	}
	return f
}

// plain keeps letters, digits and simple marks of a short text.
func plain(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" .,:;-_/()×", r) {
			return r
		}
		return ' '
	}, s)
	return s[:min(len(s), most)]
}
