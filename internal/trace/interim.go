package trace

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// init gives the formats that have no reader of their own yet one that lists
// their readable words. It goes when the readers come.
func init() {
	for _, m := range magic {
		if _, ok := readers[m.format]; !ok {
			readers[m.format] = readWords
		}
	}
	for _, format := range []string{"mp4", "webp", "avi", "wav", "mpegts", "aac", "mp3", "heic"} {
		if _, ok := readers[format]; !ok {
			readers[format] = readWords
		}
	}
}

// readWords makes a fact of every run of eight printable characters and more.
func readWords(src *source, s *Sheet) error {
	const least = 8
	in := bufio.NewReader(io.NewSectionReader(src.in, 0, src.size))
	var run []byte
	for at := int64(0); ; at++ {
		c, err := in.ReadByte()
		if err == nil && c >= ' ' && c <= '~' && len(run) < MaxValue {
			run = append(run, c)
			continue
		}
		if len(run) >= least && letters(run) >= least {
			s.fact(Fact{Kind: Leftover, Where: fmt.Sprintf("words at %d", at-int64(len(run))), Value: string(run)})
		}
		run = run[:0]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func letters(b []byte) (n int) {
	for _, c := range b {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}
