package media

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kua/internal/fault"
)

const (
	// keepMargin narrows a kept range on both sides, as muteMargin widens a muted one.
	keepMargin = muteMargin
	// fadeSamples is how long a kept range takes to come and to go: 10 ms, so
	// that it does not click.
	fadeSamples = soundRate / 100
	// mixChunk is how many samples are worked on at a time.
	mixChunk = soundRate / 10
)

// audible reports whether derivatives have sound, of an original that has or
// has not.
func (p Plan) audible(sound bool) bool {
	return len(p.Speech.Lines) > 0 || p.hearsOriginal(sound)
}

func (p Plan) hearsOriginal(sound bool) bool { return sound && (!p.MuteAll || len(p.Keeps) > 0) }

// audible is the same within the box, where there are samples in the place of words.
func (s *stage) audible() bool {
	return len(s.Said) > 0 || s.Plan.hearsOriginal(s.Probe.HasSound())
}

// mixSound writes what may be heard: of the original, which is decoded only if
// something of it stays, and of the machine voice.
func (s *stage) mixSound(ctx context.Context, out io.Writer, progress func(time.Duration)) (time.Duration, error) {
	m := &mixer{open: !s.Plan.MuteAll, keeps: kept(s.Plan.Keeps), mutes: s.Plan.silent(s.Probe.Duration, s.Limits.Duration), said: s.Said}
	if len(s.Said) > 0 {
		f, err := os.Open(filepath.Join(s.out, speechFile))
		if err != nil {
			return 0, fmt.Errorf("open what was spoken: %w", err)
		}
		defer f.Close()
		m.voice = bufio.NewReaderSize(f, 64<<10)
	}
	stream, ok := s.Probe.stream("audio")
	if ok && s.Plan.hearsOriginal(true) {
		return s.decodeSound(ctx, stream, m, out, progress)
	}
	silence := io.LimitReader(hush{}, 2*samplesIn(s.Probe.Duration))
	return m.copy(out, silence, s.Limits.Duration, progress)
}

// hush is silence without end.
type hush struct{}

func (hush) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func samplesIn(d time.Duration) int64 { return int64(d/time.Microsecond) * soundRate / 1e6 }

// stretch is a run of samples, both ends included.
type stretch struct{ first, last int64 }

// said is a run of samples of the machine voice: its samples follow those of
// the run before it in the speech file.
type said struct{ First, Samples int64 }

// mixer makes each sample of what is heard: the original where it is open or
// kept, nothing where it is muted, the machine voice above it.
type mixer struct {
	open  bool // the original is heard where nothing mutes it
	keeps []stretch
	mutes []Mute
	said  []said
	voice io.Reader

	sample int64 // the next to be made
}

// kept gives the runs that stay, in order and apart from each other.
func kept(keeps []Keep) []stretch {
	keeps = slices.Clone(keeps)
	slices.SortFunc(keeps, func(a, b Keep) int { return int(min(max(a.From-b.From, -1), 1)) })
	var joined []Keep
	for _, k := range keeps {
		if n := len(joined); n > 0 && k.From <= joined[n-1].To {
			joined[n-1].To = max(joined[n-1].To, k.To)
			continue
		}
		joined = append(joined, k)
	}
	var all []stretch
	for _, k := range joined {
		first, last := samplesIn(max(0, k.From)+keepMargin)+1, samplesIn(k.To-keepMargin)-1
		if first <= last {
			all = append(all, stretch{first, last})
		}
	}
	return all
}

// copy makes what is heard of 16-bit samples and gives its length.
func (m *mixer) copy(out io.Writer, pcm io.Reader, limit time.Duration, progress func(time.Duration)) (time.Duration, error) {
	in := bufio.NewReaderSize(pcm, 64<<10)
	buf := make([]byte, 2*mixChunk)
	for {
		n, err := io.ReadFull(in, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, fmt.Errorf("read decoded sound: %w", err)
		}
		chunk := buf[:n&^1]
		if e := m.mix(chunk); e != nil {
			return 0, e
		}
		at := time.Duration(m.sample) * time.Second / soundRate
		if at > limit {
			return 0, fault.TooLarge("media.too_long", int(limit.Hours()))
		}
		if _, e := out.Write(chunk); e != nil {
			return 0, e
		}
		progress(at)
		if err != nil {
			return m.finish(out, at)
		}
	}
}

// finish lets the machine voice end when the original ended before its
// container said it would: no word may fall silent unseen.
func (m *mixer) finish(out io.Writer, at time.Duration) (time.Duration, error) {
	for len(m.said) > 0 {
		last := m.said[len(m.said)-1]
		chunk := make([]byte, 2*min(mixChunk, last.First+last.Samples-m.sample))
		if err := m.mix(chunk); err != nil {
			return 0, err
		}
		if _, err := out.Write(chunk); err != nil {
			return 0, err
		}
		at = time.Duration(m.sample) * time.Second / soundRate
	}
	return at, nil
}

// mix changes the samples of one chunk in place.
func (m *mixer) mix(chunk []byte) error {
	from, to := m.sample, m.sample+int64(len(chunk)/2)
	if !m.open {
		m.keep(chunk, from, to)
	}
	for _, mute := range m.mutes {
		first, last := span(mute)
		if first, last = max(first, from), min(last, to-1); first <= last {
			clear(chunk[2*(first-from) : 2*(last-from+1)])
		}
	}
	m.sample = to
	return m.speak(chunk, from, to)
}

// keep leaves of a chunk what is kept, and fades its ends.
func (m *mixer) keep(chunk []byte, from, to int64) {
	at := from // up to here the chunk is made
	for _, k := range m.keeps {
		first, last := max(k.first, from), min(k.last, to-1)
		if first > last {
			continue
		}
		clear(chunk[2*(at-from) : 2*(first-from)])
		for i := first; i <= last; i++ {
			if gain := min(i-k.first+1, k.last-i+1); gain < fadeSamples {
				put(chunk, i-from, get(chunk, i-from)*gain/fadeSamples)
			}
		}
		at = last + 1
	}
	clear(chunk[2*(at-from):])
}

// speak lays the machine voice over a chunk.
func (m *mixer) speak(chunk []byte, from, to int64) error {
	var b [2]byte
	for len(m.said) > 0 && m.said[0].First < to {
		s := &m.said[0]
		for s.Samples > 0 && s.First < to {
			if _, err := io.ReadFull(m.voice, b[:]); err != nil {
				return fmt.Errorf("read what was spoken: %w", err)
			}
			put(chunk, s.First-from, get(chunk, s.First-from)+int64(int16(binary.LittleEndian.Uint16(b[:]))))
			s.First++
			s.Samples--
		}
		if s.Samples > 0 {
			break // it goes on in the next chunk
		}
		m.said = m.said[1:]
	}
	return nil
}

func get(chunk []byte, i int64) int64 {
	return int64(int16(binary.LittleEndian.Uint16(chunk[2*i:])))
}

func put(chunk []byte, i, v int64) {
	binary.LittleEndian.PutUint16(chunk[2*i:], uint16(min(max(v, math.MinInt16), math.MaxInt16)))
}

// silent gives the mutes, and where there are any also what lies behind the
// length that the container claims: nobody could mark anything there.
func (p Plan) silent(length, limit time.Duration) []Mute {
	if len(p.Mutes) == 0 {
		return nil
	}
	return append(slices.Clone(p.Mutes), Mute{From: length, To: limit + time.Hour})
}

// span gives the first and last muted sample, both included.
func span(m Mute) (first, last int64) {
	return max(0, samplesIn(m.From-muteMargin)), samplesIn(m.To+muteMargin) + 1
}

// validateSound is the part of validate that is heard.
func (p Plan) validateSound() error {
	for _, m := range p.Mutes {
		if m.To < m.From {
			return fault.Invalid("media.plan")
		}
	}
	for _, k := range p.Keeps {
		if k.From < 0 || k.To < k.From {
			return fault.Invalid("media.plan")
		}
	}
	if len(p.Speech.Lines) > 0 && !p.MuteAll {
		return fault.Invalid("media.plan") // over the people's own voices it would hide nobody
	}
	return p.Speech.validate()
}
