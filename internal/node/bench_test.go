package node_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/charter"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// child runs a node in a process of its own.
func child(b *testing.B, dir string) (url string, pid int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NODE_VICTIM="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	must(b, err)
	return strings.TrimSpace(line), cmd.Process.Pid
}

// benchNode prepares a directory and runs a node on it.
func benchNode(b *testing.B) (url string, pid int) {
	b.Helper()
	c, dir := newCollective(b), b.TempDir()
	must(b, charter.WriteChain(dir, c.chain))
	return child(b, dir)
}

// pooled is an HTTP client that keeps many connections, each of them used.
func pooled(conns int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns, WriteBufferSize: 256 << 10}}
}

// BenchmarkUpload sends 512 MiB through a node over four connections and copies
// the same bytes with one fsync, in turn. The ratio is of the medians.
func BenchmarkUpload(b *testing.B) {
	const size, conns = 512 << 20, 4
	dir := b.TempDir()
	for b.Loop() {
		var ratios, uploads, copies []float64
		for round := range 3 {
			file := filepath.Join(dir, "sealed")
			x := writeRandom(b, file, size)
			url, _ := benchNode(b)
			copies = append(copies, seconds(func() { copyAndSync(b, file, filepath.Join(b.TempDir(), "copy")) }))
			uploads = append(uploads, seconds(func() { sendFile(b, url, file, x, conns) }))
			ratios = append(ratios, uploads[round]/copies[round])
		}
		b.ReportMetric(median(uploads)/median(copies), "x-cp+fsync")
		b.ReportMetric(slices.Max(ratios), "x-worst-round")
		b.ReportMetric(size/1e6/median(uploads), "MB/s")
		b.ReportMetric(size/1e6/median(copies), "MB/s-cp")
	}
}

func seconds(do func()) float64 {
	start := time.Now()
	do()
	return time.Since(start).Seconds()
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

func writeRandom(b *testing.B, path string, size int64) parcel.Index {
	b.Helper()
	f, err := os.Create(path)
	must(b, err)
	defer f.Close()
	x, err := parcel.Split(io.LimitReader(rand.Reader, size), func(_ int, _ string, piece []byte) error {
		_, err := f.Write(piece)
		return err
	})
	must(b, err)
	must(b, f.Sync())
	return x
}

func copyAndSync(b *testing.B, from, to string) {
	b.Helper()
	src, err := os.Open(from)
	must(b, err)
	defer src.Close()
	dst, err := os.Create(to)
	must(b, err)
	defer dst.Close()
	// As cp does it: through a buffer, and not by sharing the blocks.
	_, err = io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, 128<<10))
	must(b, err)
	must(b, dst.Sync())
}

func sendFile(b *testing.B, url, file string, x parcel.Index, conns int) {
	b.Helper()
	f, err := os.Open(file)
	must(b, err)
	defer f.Close()
	client := nodeapi.NewClient(url, nodeapi.WithHTTP(pooled(conns)))
	group, ctx := errgroup.WithContext(b.Context())
	name := x.ID()[:32]
	for k := range conns {
		group.Go(func() error {
			buf := make([]byte, parcel.PieceBytes)
			for i := k; i < len(x.Pieces); i += conns {
				piece := buf[:x.PieceSize(i)]
				if _, err := f.ReadAt(piece, int64(i)*parcel.PieceBytes); err != nil {
					return err
				}
				if err := client.PutPiece(ctx, name, x.Pieces[i], piece); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(b, group.Wait())
	_, err = client.Commit(b.Context(), name, x)
	must(b, err)
}

// BenchmarkParallelUploads sends 50 parcels at a time and tells how much memory
// the node's process took at its peak.
func BenchmarkParallelUploads(b *testing.B) {
	const uploads, size = 50, 8 << 20
	for b.Loop() {
		url, pid := benchNode(b)
		took := seconds(func() {
			var group errgroup.Group
			for range uploads {
				group.Go(func() error {
					client := nodeapi.NewClient(url, nodeapi.WithHTTP(pooled(1)))
					data := make([]byte, size)
					rand.Read(data)
					var pieces [][]byte
					x, err := parcel.Split(bytes.NewReader(data), func(_ int, _ string, p []byte) error {
						pieces = append(pieces, bytes.Clone(p))
						return nil
					})
					if err != nil {
						return err
					}
					for i, p := range pieces {
						if err := client.PutPiece(b.Context(), x.ID()[:32], x.Pieces[i], p); err != nil {
							return err
						}
					}
					_, err = client.Commit(b.Context(), x.ID()[:32], x)
					return err
				})
			}
			must(b, group.Wait())
		})
		b.ReportMetric(peakMiB(b, pid), "MiB-peak")
		b.ReportMetric(uploads*size/1e6/took, "MB/s")
	}
}

var peakLine = regexp.MustCompile(`VmHWM:\s+([0-9]+) kB`)

func peakMiB(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(b, err)
	kB, err := strconv.Atoi(string(peakLine.FindSubmatch(status)[1]))
	must(b, err)
	return float64(kB) / 1024
}
