package node_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
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

// BenchmarkPages serves the same 200 pages from a node as it is run and from
// nginx with gzip_static, with the same headers, and asks both with wrk, in
// turn. The ratio is of the medians.
func BenchmarkPages(b *testing.B) {
	wrk, nginx := look(b, "wrk"), look(b, "nginx")
	c, dir := newCollective(b), b.TempDir()
	must(b, charter.WriteChain(dir, c.chain))
	pages := make(map[string][]byte)
	for i := range 200 {
		pages[fmt.Sprintf("en/r/%04d/%06d.html", (i+1)/100, i+1)] = article(i)
	}
	prepare := start(b, c.config(dir))
	req := c.publish(b, pages)
	c.bring(b, prepare.desk(c))
	must(b, prepare.desk(c).Switch(b.Context(), req))
	prepared := b.TempDir()
	must(b, os.CopyFS(prepared, os.DirFS(dir)))
	b.Setenv("NODE_PAGES", "1")
	ours, _ := child(b, prepared)
	theirs := runNginx(b, nginx, pages, sent(b, ours+"/en/r/0000/000001.html"))
	script := filepath.Join(b.TempDir(), "ask.lua")
	must(b, os.WriteFile(script, []byte(`local n = 0
request = function()
  n = n % 200 + 1
  return wrk.format("GET", string.format("/en/r/%04d/%06d.html", math.floor(n/100), n), {["Accept-Encoding"] = "gzip"})
end
`), 0o600))
	for b.Loop() {
		var node, other []float64
		for range 3 {
			node = append(node, ask(b, wrk, script, ours))
			other = append(other, ask(b, wrk, script, theirs))
		}
		b.ReportMetric(median(node)/median(other), "x-nginx")
		b.ReportMetric(median(node), "req/s")
		b.ReportMetric(median(other), "req/s-nginx")
	}
}

func look(b *testing.B, name string) string {
	b.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + name); err != nil {
			b.Fatalf("%s is needed to compare with: apt install %s", name, name)
		}
	}
	return path
}

// article is a page of about 14 kB that compresses to about 2.5 kB.
func article(i int) []byte {
	var p bytes.Buffer
	fmt.Fprintf(&p, "<!doctype html><html lang=kk><title>%06d</title>", i)
	for k := 0; p.Len() < 14_000; k++ {
		fmt.Fprintf(&p, "<p>Куәлар %d адамның айтуынша, оқиға %d-күні болды; жауап келген жоқ.</p>\n", (i*31+k*17)%997, (i+k*k)%89)
	}
	return p.Bytes()
}

var perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

func ask(b *testing.B, wrk, script, url string) float64 {
	b.Helper()
	out, err := exec.Command(wrk, "-t1", "-c64", "-d4s", "-s", script, url).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("Non-2xx")) {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	rate, err := strconv.ParseFloat(string(perSecond.FindSubmatch(out)[1]), 64)
	must(b, err)
	return rate
}

// sent gives the node's own headers of an answer, as nginx is told to add them.
func sent(b *testing.B, url string) string {
	b.Helper()
	resp, err := http.Get(url)
	must(b, err)
	must(b, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status)
	}
	var lines strings.Builder
	for name, values := range resp.Header {
		switch name {
		case "Date", "Content-Type", "Content-Length", "Content-Encoding", "Etag": // nginx makes its own
		default:
			fmt.Fprintf(&lines, "add_header %s %q; ", name, values[0])
		}
	}
	return lines.String()
}

func runNginx(b *testing.B, nginx string, pages map[string][]byte, headers string) (url string) {
	b.Helper()
	// Its worker may run as another user: everything must be open to it.
	dir, err := os.MkdirTemp("", "nginx")
	must(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	must(b, os.Chmod(dir, 0o755))
	for path, page := range pages {
		name := filepath.Join(dir, "www", path)
		must(b, os.MkdirAll(filepath.Dir(name), 0o755))
		var z bytes.Buffer
		w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
		must(b, err)
		_, err = w.Write(page)
		must(b, err)
		must(b, w.Close())
		must(b, os.WriteFile(name, page, 0o644))
		must(b, os.WriteFile(name+".gz", z.Bytes(), 0o644))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	addr := l.Addr().String()
	l.Close()
	config := fmt.Sprintf(`worker_processes auto; pid %[1]s/pid; error_log %[1]s/error.log; daemon off;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; open_file_cache max=2000; gzip_static on; keepalive_requests 1000000;
  types { text/html html; } client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  server { listen %[2]s; root %[1]s/www; %[3]s } }
`, dir, addr, headers)
	file := filepath.Join(dir, "nginx.conf")
	must(b, os.WriteFile(file, []byte(config), 0o644))
	cmd := exec.Command(nginx, "-c", file, "-p", dir)
	must(b, cmd.Start())
	b.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "http://" + addr
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("nginx does not answer")
	return ""
}
