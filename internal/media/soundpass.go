package media

import (
	"context"
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

// makeSound decodes the sound once, mixes what may be heard and encodes all
// forms from that: as with the picture, the encoder never sees the rest.
func (s *stage) makeSound(ctx context.Context, sounds []sound, done, total time.Duration) (time.Duration, error) {
	g, ctx := errgroup.WithContext(ctx)
	var length time.Duration
	pipe, samples := io.Pipe()
	g.Go(func() error {
		even := &wholeSound{out: samples, claimed: s.Probe.Duration}
		n, err := s.mixSound(ctx, even, func(at time.Duration) {
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

// decodeSound writes what the mixer leaves of the original to out and gives its
// length in time.
func (s *stage) decodeSound(ctx context.Context, stream Stream, mix *mixer, out io.Writer, progress func(time.Duration)) (time.Duration, error) {
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
	n, copied := mix.copy(out, pcm, s.Limits.Duration, progress)
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
