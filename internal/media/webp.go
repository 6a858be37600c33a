package media

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"kua/internal/fault"
)

// webPTo is a picture, and the file that it is written to as WebP.
type webPTo struct {
	img  *image.RGBA
	file string
}

// writeWebPs lets ffmpeg encode from bare pixels, all pictures in one start of
// it: starting takes longer than the work.
func writeWebPs(ctx context.Context, quality int, all ...webPTo) error {
	var args []string
	for i, p := range all {
		size := p.img.Bounds().Size()
		args = append(args, "-protocol_whitelist", "pipe", "-f", "rawvideo", "-pix_fmt", "rgba", "-video_size", fmt.Sprintf("%dx%d", size.X, size.Y),
			"-i", fmt.Sprintf("pipe:%d", firstExtra+i))
	}
	for i, p := range all {
		args = append(args, "-map", fmt.Sprintf("%d:v", i), "-frames:v", "1", "-c:v", "libwebp", "-quality", fmt.Sprint(quality),
			"-compression_level", "6", "-pix_fmt", "yuv420p", "-threads", "1")
		args = append(append(args, bitexact...), "-f", "webp", p.file)
	}
	cmd, said := tool(ctx, "ffmpeg", args...)
	ours, theirs, err := pipes(len(all), false)
	if err != nil {
		return err
	}
	cmd.ExtraFiles = theirs
	err = cmd.Start()
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	var g errgroup.Group
	for i, p := range all {
		g.Go(func() error {
			defer ours[i].Close()
			if _, err := ours[i].Write(p.img.Pix); !errors.Is(err, syscall.EPIPE) { // its end says what became of it
				return err
			}
			return nil
		})
	}
	if err := cmd.Wait(); err != nil {
		_ = g.Wait()
		return toolFailed("media.encode", err, said)
	}
	return g.Wait()
}

// firstExtra is the number under which a program knows the first of its ExtraFiles.
const firstExtra = 3

// pipes makes pipes between us and a program that we start: it writes what we
// read, or we write what it reads.
func pipes(n int, itWrites bool) (ours, theirs []*os.File, err error) {
	for range n {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(ours)
			closeAll(theirs)
			return nil, nil, fmt.Errorf("connect to a program: %w", err)
		}
		if itWrites {
			ours, theirs = append(ours, r), append(theirs, w)
		} else {
			ours, theirs = append(ours, w), append(theirs, r)
		}
	}
	return ours, theirs, nil
}

// pipeBytes holds a whole picture of the largest rung.
const pipeBytes = 1 << 20

// widen lets a pipe hold more, if it is one and the kernel lets us: with its usual
// 64 KiB, who writes pictures and who reads them wait for each other ten times in
// each of them.
func widen(pipe any) {
	if c, ok := pipe.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeBytes) })
		}
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
