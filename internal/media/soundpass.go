package media

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/fault"
)

// Decoded sound is mono, 16 bits, 48 kHz.
const (
	soundRate = 48000
	// muteMargin widens a muted range on both sides: a player's clock is not
	// the sample's.
	muteMargin = 20 * time.Millisecond
)

// makeSound decodes the sound once, silences what the plan mutes and encodes
// all forms from that: as with the picture, the encoder never sees the rest.
func (s *stage) makeSound(ctx context.Context, stream Stream, sounds []sound, done, total time.Duration) (time.Duration, error) {
	g, ctx := errgroup.WithContext(ctx)
	var length time.Duration
	pipe, samples := io.Pipe()
	g.Go(func() error {
		even := &wholeSound{out: samples, claimed: s.Probe.Duration}
		n, err := s.decodeSound(ctx, stream, even, func(at time.Duration) {
			s.report(done+min(at, s.Probe.Duration), total)
		})
		length = n
		if err == nil {
			err = even.finish()
		}
		samples.CloseWithError(err)
		return err
	})
	g.Go(func() error {
		err := s.encodeSound(ctx, pipe, sounds)
		pipe.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		return err
	})
	return length, g.Wait()
}

// decodeSound writes muted samples to out and gives their length in time.
func (s *stage) decodeSound(ctx context.Context, stream Stream, out io.Writer, progress func(time.Duration)) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// async fills gaps, first_pts a late start: sound stays with its picture.
	args := append(s.reading(), "-map", fmt.Sprintf("0:%d", stream.Index), "-vn", "-sn", "-dn",
		"-af", fmt.Sprintf("aresample=%d:async=1:first_pts=0", soundRate), "-ac", "1", "-ar", fmt.Sprint(soundRate),
		"-c:a", "pcm_s16le", "-f", "s16le", "pipe:1")
	cmd, said := tool(ctx, "ffmpeg", append([]string{"-threads", "1"}, args...)...)
	pcm, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	n, copied := silence(out, pcm, s.Plan.Mutes, s.Limits.Duration, progress)
	if copied != nil {
		cancel()
	}
	waited := cmd.Wait()
	switch {
	case copied != nil:
		return 0, copied
	case waited != nil || n == 0:
		return 0, toolFailed("media.sound_broken", waited, said)
	}
	return n, nil
}

// silence copies samples and makes the muted ones zero.
func silence(out io.Writer, pcm io.Reader, mutes []Mute, limit time.Duration, progress func(time.Duration)) (time.Duration, error) {
	in := bufio.NewReaderSize(pcm, 64<<10)
	buf := make([]byte, 2*soundRate/10)
	var sample int64
	for {
		n, err := io.ReadFull(in, buf)
		n &^= 1
		for _, m := range mutes {
			first, last := span(m)
			for i := max(first, sample); i <= last && i < sample+int64(n/2); i++ {
				binary.LittleEndian.PutUint16(buf[2*(i-sample):], 0)
			}
		}
		sample += int64(n / 2)
		at := time.Duration(sample) * time.Second / soundRate
		if at > limit {
			return 0, fault.TooLarge("media.too_long", int(limit.Hours()))
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return 0, err
		}
		progress(at)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return at, nil
		case err != nil:
			return 0, fmt.Errorf("read decoded sound: %w", err)
		}
	}
}

// span gives the first and last muted sample, both included.
func span(m Mute) (first, last int64) {
	at := func(t time.Duration) int64 { return int64(t/time.Microsecond) * soundRate / 1e6 }
	return max(0, at(m.From-muteMargin)), at(m.To+muteMargin) + 1
}

// encodeSound makes all forms in one program, which finishes when its input ends.
func (s *stage) encodeSound(ctx context.Context, pcm io.Reader, sounds []sound) error {
	args := []string{"-protocol_whitelist", "pipe", "-f", "s16le", "-ar", fmt.Sprint(soundRate), "-ac", "1", "-i", "pipe:0"}
	for _, form := range sounds {
		args = append(args, "-map", "0:a")
		args = append(args, form.args...)
		args = append(args, bitexact...)
		args = append(args, filepath.Join(s.out, form.file))
	}
	cmd, said := tool(ctx, "ffmpeg", args...)
	cmd.Stdin = pcm
	if err := cmd.Run(); err != nil {
		return toolFailed("media.encode", err, said)
	}
	return nil
}
