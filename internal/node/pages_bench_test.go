package node_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kua/internal/charter"
	"kua/internal/link/linktest"
	"kua/internal/page"
)

// BenchmarkPages serves the same 200 pages from a node as it is run and from
// nginx with gzip_static, open_file_cache and sendfile, with the same headers, and
// asks both with wrk over 64 connections, in turn. wrk runs on the same
// processors and takes its share of both. x-nginx is the median of the rounds'
// ratios; x-nginx-cpu compares what the servers themselves spent on a request.
func BenchmarkPages(b *testing.B) { comparePages(b, "node", false) }

// BenchmarkPagesTLS does so as readers come: with TLS, and a new connection for
// every page.
func BenchmarkPagesTLS(b *testing.B) { comparePages(b, "node", true) }

// BenchmarkPagesBare has a server of net/http in the node's place that does nothing
// but write one page that lies in memory: "bare" with the node's headers, "naked"
// with those alone that nginx sends too. More than that no program gives that leaves
// HTTP to net/http.
func BenchmarkPagesBare(b *testing.B) {
	b.Run("bare", func(b *testing.B) { comparePages(b, "bare", false) })
	b.Run("naked", func(b *testing.B) { comparePages(b, "naked", false) })
}

// barePages is the server of BenchmarkPagesBare.
func barePages(l net.Listener, naked bool) error {
	body := packed(article(0))
	own := http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Content-Encoding": {"gzip"}, "Etag": {`"made-up"`}, "Content-Length": {strconv.Itoa(len(body))}}
	handler := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), own)
		_, _ = w.Write(body)
	}))
	if !naked {
		own["Vary"] = []string{"Accept-Encoding"}
		handler = page.Headers(page.Policy{Forms: true, Media: true, Public: true}, handler)
	}
	return http.Serve(l, handler)
}

func packed(page []byte) []byte {
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // the level is one
	_, _ = w.Write(page)                                  // into memory
	_ = w.Close()
	return z.Bytes()
}

// comparePages has what serve names ("node", or see barePages) stand against nginx.
func comparePages(b *testing.B, serve string, secure bool) {
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
	must(b, prepare.FurnishAll(b.Context())) // once in a node's life, and 35 % of its time while this ran
	prepared := b.TempDir()
	must(b, os.CopyFS(prepared, os.DirFS(dir)))
	b.Setenv("NODE_PAGES", serve)
	listen, more, ask := "", "", ""
	if secure {
		cert, key, _ := linktest.Certificate(b, "kua.example.org")
		b.Setenv("NODE_CERTIFICATE", cert)
		b.Setenv("NODE_CERTIFICATE_KEY", key)
		listen, more, ask = " ssl", fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_session_cache shared:s:10m;", cert, key), `, ["Connection"] = "close", ["Accept-Language"] = "kk"`
	}
	ours, our := child(b, prepared)
	theirs, their := runNginx(b, nginx, pages, listen, more+sent(b, ours+"/en/r/0000/000001.html"))
	if secure {
		theirs = strings.Replace(theirs, "http:", "https:", 1)
	}
	script := filepath.Join(b.TempDir(), "ask.lua")
	must(b, os.WriteFile(script, []byte(`local n = 0
request = function()
  n = n % 200 + 1
  return wrk.format("GET", string.format("/en/r/%04d/%06d.html", math.floor(n/100), n), {["Accept-Encoding"] = "gzip"`+ask+`})
end
`), 0o600))
	for b.Loop() {
		var node, other, ratios, costs []float64
		answered(b, our, wrk, script, ours) // both have every page in memory then
		answered(b, their, wrk, script, theirs)
		for range 11 {
			n, cpu := answered(b, our, wrk, script, ours)
			m, cpuTheirs := answered(b, their, wrk, script, theirs)
			node, other, ratios, costs = append(node, n), append(other, m), append(ratios, n/m), append(costs, cpu/cpuTheirs)
		}
		b.ReportMetric(median(ratios), "x-nginx")
		b.ReportMetric(median(costs), "x-nginx-cpu")
		b.ReportMetric(median(node), "req/s")
		b.ReportMetric(median(other), "req/s-nginx")
	}
}

// answered gives the requests a second that a server with this process answered,
// and what one cost it in processor time.
func answered(b *testing.B, pid int, wrk, script, url string) (perSec, cpu float64) {
	b.Helper()
	before := ticks(b, pid)
	out, err := exec.Command(wrk, "-t1", "-c64", "-d2s", "-s", script, url).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("Non-2xx")) {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	spent := ticks(b, pid) - before
	perSec, err = strconv.ParseFloat(string(perSecond.FindSubmatch(out)[1]), 64)
	must(b, err)
	all, err := strconv.ParseFloat(string(requests.FindSubmatch(out)[1]), 64)
	must(b, err)
	return perSec, float64(spent) / all
}

var (
	perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	requests  = regexp.MustCompile(`([0-9]+) requests in`)
)

// ticks is the processor time of a process and of those that it started.
func ticks(b *testing.B, pid int) (spent int64) {
	b.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	must(b, err)
	for _, name := range all {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		after := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if filepath.Base(filepath.Dir(name)) != strconv.Itoa(pid) && after[1] != strconv.Itoa(pid) {
			continue
		}
		for _, field := range after[11:13] {
			n, err := strconv.ParseInt(field, 10, 64)
			must(b, err)
			spent += n
		}
	}
	return spent
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

// sent gives the node's own headers of an answer, as nginx is told to add them.
func sent(b *testing.B, url string) string {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get(url)
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

func runNginx(b *testing.B, nginx string, pages map[string][]byte, listen, more string) (url string, pid int) {
	b.Helper()
	// Its worker may run as another user: everything must be open to it.
	dir, err := os.MkdirTemp("", "nginx")
	must(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	must(b, os.Chmod(dir, 0o755))
	for path, page := range pages {
		name := filepath.Join(dir, "www", path)
		must(b, os.MkdirAll(filepath.Dir(name), 0o755))
		must(b, os.WriteFile(name, page, 0o644))
		must(b, os.WriteFile(name+".gz", packed(page), 0o644))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	addr := l.Addr().String()
	l.Close()
	config := fmt.Sprintf(`worker_processes auto; pid %[1]s/pid; error_log %[1]s/error.log; daemon off;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; open_file_cache max=2000; gzip_static on; keepalive_requests 1000000;
  types { text/html html; } client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  server { listen %[2]s%[3]s; root %[1]s/www; %[4]s } }
`, dir, addr, listen, more)
	file := filepath.Join(dir, "nginx.conf")
	must(b, os.WriteFile(file, []byte(config), 0o644))
	cmd := exec.Command(nginx, "-c", file, "-p", dir)
	must(b, cmd.Start())
	b.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "http://" + addr, cmd.Process.Pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("nginx does not answer")
	return "", 0
}
