package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/link/linktest"
)

// TestNginxOfTheGuide runs nginx as docs/kua-nginx.conf has it, below the settings with which
// Debian ships it: it writes down nobody's address, packs nothing that the node left unpacked,
// keeps nothing that is sent until it is whole, and its pages come through a link that freezes.
func TestNginxOfTheGuide(t *testing.T) {
	const name = "kua.example.org"
	page := make([]byte, 4000)
	rand.NewChaCha8([32]byte{1}).Read(page)
	page = fmt.Appendf(nil, "%x", page) // 8 kB, as large as a page is allowed to be
	began := make(chan struct{}, 1)
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != name || r.Header.Get("X-Forwarded-Proto") != "https" || r.Header.Get("X-Forwarded-For") != "" {
			t.Errorf("the node is told: %s, %v", r.Host, r.Header)
		}
		if r.Method == http.MethodPut {
			if _, err := io.ReadFull(r.Body, make([]byte, 10)); err != nil {
				t.Error(err)
			}
			began <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}))
	defer node.Close()

	certificate, key, roots := linktest.Certificate(t, name)
	dir, plain, secure := t.TempDir(), freePort(t), freePort(t)
	servers, err := os.ReadFile("../../docs/kua-nginx.conf")
	wall(t, err)
	log := filepath.Join(dir, "log")
	config := `daemon off; master_process off; pid ` + dir + `/pid; error_log ` + log + ` info; events {}
http {
	access_log ` + log + `; gzip on;
	client_body_temp_path ` + dir + `/body; proxy_temp_path ` + dir + `/proxy; fastcgi_temp_path ` + dir + `/f; uwsgi_temp_path ` + dir + `/u; scgi_temp_path ` + dir + `/s;
` + strings.NewReplacer("listen [::]:80;", "", "listen [::]:443 ssl;", "", "listen 80;", "listen "+plain+";", "listen 443 ssl;", "listen "+secure+" ssl;",
		"/etc/letsencrypt/live/kua.example.org/fullchain.pem", certificate, "/etc/letsencrypt/live/kua.example.org/privkey.pem", key,
		"127.0.0.1:8080", node.Listener.Addr().String()).Replace(string(servers)) + "}\n"
	file := filepath.Join(dir, "nginx.conf")
	wall(t, os.WriteFile(file, []byte(config), 0o600))
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx"
	}
	background(t, nil, program, "-e", log, "-p", dir, "-c", file)

	road, end, err := linktest.Open(secure, linktest.Road{Freeze: 16 << 10})
	wall(t, err)
	defer end()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}}}
	call := func(method, at string, body io.Reader) (*http.Response, []byte, error) {
		r, err := http.NewRequest(method, at, body)
		wall(t, err)
		r.Host = name
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Accept-Language", "kk")
		resp, err := client.Do(r)
		if err != nil {
			return nil, nil, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return resp, b, err
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, _, err = call(http.MethodGet, "https://"+road.Addr+"/", nil); err == nil || time.Now().After(end) {
			break
		}
	}
	for range 3 {
		resp, b, err := call(http.MethodGet, "https://"+road.Addr+"/kk/", nil)
		wall(t, err)
		if !bytes.Equal(b, page) || resp.Header.Get("Content-Encoding") != "" {
			t.Fatalf("%d bytes came, %v", len(b), resp.Header)
		}
	}
	body, send := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, _, err := call(http.MethodPut, "https://"+secure+"/", body)
		sent <- err
	}()
	_, err = send.Write(make([]byte, 20_000))
	wall(t, err)
	select {
	case <-began:
	case <-time.After(10 * time.Second):
		t.Error("the node hears of what is sent only when all of it is at the proxy")
	}
	wall(t, send.Close())
	wall(t, <-sent)

	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, _, err := call(http.MethodGet, "http://"+plain+"/kk/report?a=b", nil)
	wall(t, err)
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || to != "https://"+name+"/kk/report?a=b" {
		t.Errorf("from http it leads to %q, %s", to, resp.Status)
	}
	node.Close()
	if resp, _, err = call(http.MethodGet, "https://"+secure+"/"+url.PathEscape("a fault")+"/", nil); err != nil || resp.StatusCode != http.StatusBadGateway {
		t.Errorf("without a node: %v, %v", resp, err)
	}
	said, err := os.ReadFile(log)
	wall(t, err)
	if strings.Contains(string(said), "client") || strings.Contains(string(said), "GET ") {
		t.Errorf("nginx wrote down:\n%s", said)
	}
}
