package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kua/internal/authority"
	"kua/internal/blob/s3/s3test"
	"kua/internal/charter"
	"kua/internal/edition/editiontest"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb/pgtest"
)

// TestSeveralNodes has two nodes of the real program serve one lane, kept in PostgreSQL
// and a bucket alone, behind a real nginx that sends each request to the other one than
// the request before. A citizen, a neighbour and an authority go the whole way through
// both; then one of the nodes is killed while several people send, and they go on: whoever got
// no answer sends the same again and is taken once.
func TestSeveralNodes(t *testing.T) {
	database, bucket, trust := pgtest.Database(t), s3test.Bucket(t), t.TempDir()
	wall(t, charter.WriteChain(trust, editiontest.New(t).Chain))
	l, err := lane.Open(t.Context(), lane.Config{Dir: t.TempDir(), URL: database})
	wall(t, err)
	defer l.Close()
	_, _, _, err = l.Import(t.Context(), authority.Sample())
	wall(t, err)
	env := []string{"AWS_REGION=" + bucket.Region, "AWS_ACCESS_KEY_ID=" + bucket.Key, "AWS_SECRET_ACCESS_KEY=" + bucket.Secret}
	args := []string{"--charter", trust, "--db", database, "--pictures", bucket.URL, "--behind-proxy", "--no-worker"}
	first, a := startNode(t, env, append(args, "--dir", t.TempDir())...)
	_, b := startNode(t, env, append(args, "--dir", t.TempDir())...)
	at := nginx(t, a, b)
	k := &killed{lane: l, photo: lanetest.Photo(t, 120, 90, 8)}
	by := map[string]int{} // which node answered, how often
	get := func(path, want string) string {
		t.Helper()
		resp, err := http.Get(at + path)
		wall(t, err)
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		wall(t, err)
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(page), want) {
			t.Fatalf("%s answers %s and lacks %q:\n%s", path, resp.Status, want, page)
		}
		tries := strings.Split(resp.Header.Get("X-Answered"), ", ")
		by[tries[len(tries)-1]]++
		return string(page)
	}
	post := func(path string, f url.Values, photo []byte, want string) string {
		t.Helper()
		page, err := k.want(at+path, f, photo, http.StatusOK)
		wall(t, err)
		if !strings.Contains(page, want) {
			t.Fatalf("%s lacks %q:\n%s", path, want, page)
		}
		return page
	}
	mend := func(c *told) {
		t.Helper()
		page := get("/at/"+c.token, c.words)
		step := stepShown.FindStringSubmatch(page)
		if step == nil {
			t.Fatalf("the link's page asks nothing:\n%s", page)
		}
		post("/at/"+c.token, url.Values{"step": {step[1]}, "to": {"answered_mended"}}, k.photo, "Your answer stands")
		q, err := l.Request(t.Context(), c.id)
		wall(t, err)
		c.answer = q.Assignments[0].Answer
	}
	judge := func(c *told, code, says, want string) {
		t.Helper()
		f := url.Values{"code": {code}, "assignment": {strconv.FormatInt(c.part, 10)}, "answer": {strconv.FormatInt(c.answer, 10)}, "says": {says}, "words": {"Как есть, выдумано"}}
		post("/judge", f, nil, want)
	}
	tell := func(words string) *told {
		t.Helper()
		c := &told{code: lane.NewCode(), words: words, photo: true}
		wall(t, k.shows(t, at, c))
		get("/picture/"+c.picture+".jpg", "\xff\xd8")
		wall(t, k.sends(t, at, c))
		get(fmt.Sprint("/case/", c.id), words)
		post("/mine", url.Values{"code": {c.code}}, nil, words)
		return c
	}

	c := tell("Открытый люк у школы, выдумано")
	friend := lane.NewCode()
	post(fmt.Sprint("/same/", c.id), url.Values{"code": {friend}}, nil, "You are counted")
	mend(c)
	judge(c, friend, "not", "")
	if by[a] == 0 || by[b] == 0 {
		t.Errorf("the answers came from %v", by)
	}
	crowd := killAtWork(t, k, at, first)
	for _, one := range crowd {
		id, err := l.Held(t.Context(), one.code)
		wall(t, err)
		if q, err := l.Request(t.Context(), id); err != nil || id != one.id || q.Words != one.words {
			t.Errorf("report %d reads %q, told was %q as %d: %v", id, q.Words, one.words, one.id, err)
		}
	}
	if all, err := l.List(t.Context(), lane.Filter{Limit: 100}); err != nil || len(all) != len(crowd)+1 {
		t.Errorf("%d reports are listed, %d were told: %v", len(all), len(crowd)+1, err)
	}
	clear(by)
	get(fmt.Sprint("/case/", c.id), "not mended 1")
	judge(c, c.code, "mended", "")
	get(fmt.Sprint("/case/", c.id), "Counted as confirmed")
	c = tell("Второй открытый люк, выдумано")
	mend(c)
	judge(c, c.code, "mended", "")
	get(fmt.Sprint("/case/", c.id), "Counted as confirmed")
	if by[a] > 0 || by[b] == 0 {
		t.Errorf("after one was killed the answers came from %v", by)
	}
	if differs, err := l.Recount(t.Context(), false); err != nil || len(differs) > 0 {
		t.Errorf("counted anew it differs: %+v, %v", differs, err)
	}
}

// killAtWork kills a node while people send reports, each until it is taken, and gives
// what they sent.
func killAtWork(t *testing.T, k *killed, at string, node *exec.Cmd) (all []*told) {
	t.Helper()
	const people, each = 4, 12
	var mu sync.Mutex // of all
	var crowd sync.WaitGroup
	var cut atomic.Int64
	atWork := make(chan struct{})
	for range people {
		crowd.Go(func() {
			for range each {
				one, taken := &told{code: lane.NewCode(), words: "Открытый люк, выдумано: " + lane.NewCode()}, false
				for tries := 0; !taken && tries < 20; tries++ {
					status, page, err := k.post(at+"/send/manhole", one.form(), nil)
					if taken = err == nil && status == http.StatusOK; !taken {
						cut.Add(1)
						continue
					}
					if m := casePath.FindStringSubmatch(page); m != nil {
						one.id, _ = strconv.ParseInt(m[1], 10, 64)
					}
				}
				mu.Lock()
				if all = append(all, one); len(all) == people*each/4 {
					close(atWork)
				}
				mu.Unlock()
			}
		})
	}
	<-atWork
	wall(t, node.Process.Kill())
	_ = node.Wait()
	mu.Lock()
	if len(all) == people*each {
		t.Error("it died when all was done")
	}
	mu.Unlock()
	crowd.Wait()
	t.Logf("%d of %d sendings were cut off", cut.Load(), len(all))
	return all
}

var stepShown = regexp.MustCompile(`name="step" value="(\d+)"`)

// nginx sends requests to several addresses in turn and gives the open lane's address on it.
func nginx(t *testing.T, nodes ...string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Fatalf("nginx is needed: run `tools/install.sh test`: %v", err)
		}
	}
	dir, addr := t.TempDir(), freePort(t)
	var servers strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&servers, "server %s max_fails=1 fail_timeout=60s; ", n)
	}
	config := `daemon off; master_process off; pid ` + dir + `/pid; error_log stderr;
events {}
http {
	access_log off;
	client_max_body_size 64m;
	client_body_temp_path ` + dir + `/body; proxy_temp_path ` + dir + `/proxy; fastcgi_temp_path ` + dir + `/f; uwsgi_temp_path ` + dir + `/u; scgi_temp_path ` + dir + `/s;
	upstream nodes { ` + servers.String() + `}
	server {
		listen ` + addr + `;
		location / {
			proxy_pass http://nodes;
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-Proto $scheme;
			add_header X-Answered $upstream_addr always;
		}
	}
}
`
	file := filepath.Join(dir, "nginx.conf")
	wall(t, os.WriteFile(file, []byte(config), 0o600))
	background(t, nil, program, "-e", "stderr", "-p", dir, "-c", file)
	at := "http://" + addr
	untilAnswered(t, http.DefaultClient, at+"/en/open/")
	return at + "/en/open"
}
