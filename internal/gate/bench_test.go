package gate

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// longFilm makes of the sample of one picture a film of many, with noise for
// slices, so that the gate accepts it: size bytes and the index.
func longFilm(t testing.TB, size int) []byte {
	t.Helper()
	film, err := os.ReadFile("testdata/silent.mp4")
	if err != nil {
		t.Fatal(err)
	}
	const sample = 20_000
	n := size / sample
	moov := film[32 : bytes.Index(film, []byte("mdat"))-4-8]
	u32 := func(v ...int) (b []byte) {
		for _, x := range v {
			b = binary.BigEndian.AppendUint32(b, uint32(x))
		}
		return b
	}
	table := map[string][]byte{
		"stts": u32(0, 1, n, 1024), "stsc": u32(0, 1, 1, n, 1), "stsz": u32(0, sample, n), "stco": u32(0, 1, 0),
	}
	ms := n * 1000 / 12
	var build func(b []byte) []byte
	build = func(b []byte) (out []byte) {
		for len(b) > 0 {
			n, kind := int(binary.BigEndian.Uint32(b)), string(b[4:8])
			body := bytes.Clone(b[8:n])
			switch kind {
			case "trak", "mdia", "minf", "stbl", "edts":
				body = build(body)
			case "mvhd":
				copy(body[16:], u32(ms))
			case "tkhd":
				copy(body[20:], u32(ms))
			case "elst":
				copy(body[8:], u32(ms))
			case "mdhd":
				copy(body[16:], u32(1024*(size/sample)))
			case "stsd":
				const rate = sample * 8 * 12 // bits a second
				copy(body[bytes.Index(body, []byte("btrt"))+8:], u32(rate, rate))
			}
			if t := table[kind]; t != nil {
				body = t
			}
			out = append(append(append(out, u32(len(body)+8)...), kind...), body...)
			b = b[n:]
		}
		return out
	}
	body := build(moov[8:])
	at := 32 + 8 + len(body) + 8 + 8
	i := bytes.Index(body, []byte("stco"))
	copy(body[i+12:], u32(at))
	out := append(bytes.Clone(film[:32]), u32(len(body)+8)...)
	out = append(append(out, "moov"...), body...)
	out = append(out, "\x00\x00\x00\x08free"...)
	out = append(append(out, u32(8+n*sample)...), "mdat"...)
	data := noiseOf(5, n*sample)
	for i := range n {
		copy(data[i*sample:], u32(sample-4))
		copy(data[i*sample+4:], []byte{0x65, 0x88}) // IDR, first macroblock 0, slice 7
		data[(i+1)*sample-1] |= 1
	}
	return append(out, data...)
}

// BenchmarkGate judges a film of 100 MiB with an ordinary original's needles
// and with a large one's, and gives the ratio to sha256sum of the same file. Both
// are measured in the processor's time, which a busy machine does not change.
func BenchmarkGate(b *testing.B) {
	film := longFilm(b, 100<<20)
	name := filepath.Join(b.TempDir(), "film.mp4")
	if err := os.WriteFile(name, film, 0o600); err != nil {
		b.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		needles Needles
	}{
		{"ordinary", NeedlesOf(sheet(), "IMG_20261119_140322.jpg", hash)},
		{"large", NeedlesOf(large(), "IMG_20261119_140322.jpg", hash)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			var peer, own time.Duration
			f, err := os.Open(name)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			b.SetBytes(int64(len(film)))
			for b.Loop() {
				b.StopTimer()
				sum := exec.Command("sha256sum", name)
				if err := sum.Run(); err != nil {
					b.Fatal(err)
				}
				peer += sum.ProcessState.UserTime() + sum.ProcessState.SystemTime()
				before := worked()
				b.StartTimer()
				r, err := Check(f, int64(len(film)), "video/mp4", tt.needles)
				if err != nil || !r.Clean() {
					b.Fatal(r.Findings, err)
				}
				own += worked() - before
			}
			b.ReportMetric(own.Seconds()/peer.Seconds(), "gate/sha256sum")
			b.ReportMetric(own.Seconds()/float64(b.N)*(100<<20)/float64(len(film)), "s/100MiB")
			b.ReportMetric(float64(tt.needles.Count()), "values")
		})
	}
}

// worked is the processor's time that this process has used.
func worked() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
