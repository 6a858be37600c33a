package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kua/internal/blob/s3/s3test"
	"kua/internal/open311"
	"kua/internal/sqldb/pgtest"
)

// withServers takes down, after all tests, the servers that they started.
type withServers struct{ *testing.M }

func (m withServers) Run() int { return pgtest.Main(m.M) }

// TestMigrate moves a running node, as its keeper does, with the real program, a real
// PostgreSQL and a real S3 server.
func TestMigrate(t *testing.T) {
	bucket, database := s3test.Bucket(t), pgtest.Database(t)
	var s sender
	testscript.Run(t, testscript.Params{
		Dir: "testdata/move",
		Setup: func(e *testscript.Env) error {
			e.Setenv("KUA_LANG", "en")
			e.Setenv("KUA_PASSPHRASE", "made up for this test")
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/state")
			e.Setenv("PG", database)
			e.Setenv("S3", bucket.URL)
			e.Setenv("AWS_REGION", bucket.Region)
			e.Setenv("AWS_ACCESS_KEY_ID", bucket.Key)
			e.Setenv("AWS_SECRET_ACCESS_KEY", bucket.Secret)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"port": port, "await": await, "capture": capture, "photo": photo, "founds": founds, "sends": s.sends},
	})
}

// sender is a system of others that sends a report after the other, some with a
// photo, and writes down what was accepted.
type sender struct {
	stop  chan struct{}
	ended sync.WaitGroup

	mu       sync.Mutex // of what follows
	accepted map[string]string
	form     func(words, name string) (kind string, body []byte)
	later    string // what could not be sent, since the node took nothing more
}

// sends begin ENDPOINT KEY PHOTO sends from now on, and waits until some was taken;
// sends end ENDPOINT sends there what was not taken, and wants all of it to be there once.
func (s *sender) sends(ts *testscript.TestScript, _ bool, args []string) {
	switch args[0] {
	case "begin":
		s.begin(ts, args[1], args[2], []byte(ts.ReadFile(args[3])))
	case "end":
		s.end(ts, args[1])
	}
}

func (s *sender) begin(ts *testscript.TestScript, endpoint, key string, photo []byte) {
	s.stop, s.accepted = make(chan struct{}), map[string]string{}
	s.form = func(words, name string) (string, []byte) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for _, f := range [][2]string{{"api_key", key}, {"service_code", "pothole"}, {"lat", "45.05"}, {"long", "65.15"}, {"description", words}} {
			_ = m.WriteField(f[0], f[1])
		}
		if strings.HasSuffix(name, "0") {
			part, _ := m.CreateFormFile("media", "photo.jpg")
			_, _ = part.Write(photo)
		}
		_ = m.Close()
		return m.FormDataContentType(), b.Bytes()
	}
	first := make(chan struct{})
	s.ended.Go(func() {
		for n := 0; ; n++ {
			name := fmt.Sprintf("case-%d", n)
			for {
				select {
				case <-s.stop:
					return
				case <-time.After(20 * time.Millisecond): // so that others come to their turn
				}
				id, status := s.send(endpoint, name)
				if status == http.StatusOK {
					s.mu.Lock()
					s.accepted[name] = id
					s.mu.Unlock()
					break
				}
				s.mu.Lock()
				s.later = name
				s.mu.Unlock()
			}
			if n == 11 {
				close(first)
			}
		}
	})
	select {
	case <-first:
	case <-time.After(2 * time.Minute):
		ts.Fatalf("the node takes nothing: %v", s.accepted)
	}
}

func words(name string) string { return "Яма, выдумано, " + name }

// send sends a report under its name and gives its id, or what the answer was.
func (s *sender) send(endpoint, name string) (id string, status int) {
	kind, body := s.form(words(name), name)
	req, err := http.NewRequest(http.MethodPost, endpoint+"requests.xml", bytes.NewReader(body))
	if err != nil {
		return "", 0
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Idempotency-Key", name)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", 0
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", 0
	}
	a, err := open311.Read(text)
	if err != nil {
		return "", resp.StatusCode
	}
	accepted, _ := a.Accepted()
	return accepted.ID + accepted.Token, resp.StatusCode
}

func (s *sender) end(ts *testscript.TestScript, endpoint string) {
	close(s.stop)
	s.ended.Wait()
	if len(s.accepted) < 12 || s.later == "" {
		ts.Fatalf("%d reports were taken, and the last one was %q", len(s.accepted), s.later)
	}
	id, status := s.send(endpoint, s.later)
	if status != http.StatusOK {
		ts.Fatalf("what the old node did not take is not taken by the new one: %d", status)
	}
	s.accepted[s.later] = id
	ids := map[string]bool{}
	for name, id := range s.accepted {
		again, status := s.send(endpoint, name)
		if status != http.StatusOK || again != id || ids[id] {
			ts.Fatalf("%s was %s and is now %q (%d)", name, id, again, status)
		}
		ids[id] = true
		r := s.read(ts, endpoint+"requests/"+id+".xml")
		if r.Description != words(name) || strings.HasSuffix(name, "0") != (r.MediaURL != "") {
			ts.Fatalf("%s reads %+v", name, r)
		}
		if r.MediaURL == "" {
			continue
		}
		resp, err := http.Get(r.MediaURL)
		ts.Check(err)
		b, err := io.ReadAll(resp.Body)
		ts.Check(err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !bytes.HasPrefix(b, []byte("\xff\xd8")) {
			ts.Fatalf("the photo of %s answers %d", name, resp.StatusCode)
		}
	}
	resp, err := http.Get(endpoint + "requests.csv")
	ts.Check(err)
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if n := strings.Count(string(all), "Яма, выдумано, case-"); n != len(s.accepted) {
		ts.Fatalf("%d reports are there, %d were taken", n, len(s.accepted))
	}
	ts.Logf("%d reports", len(s.accepted))
}

func (s *sender) read(ts *testscript.TestScript, at string) open311.Request {
	resp, err := http.Get(at)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	a, err := open311.Read(text)
	ts.Check(err)
	if all := a.Requests(); len(all) == 1 {
		return all[0]
	}
	ts.Fatalf("%s: %s", at, text)
	panic("unreachable")
}
