package site

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kua/internal/charter"
)

// TestFootNamesCopies wants every page to name three other addresses of itself,
// the onion address and the channel, as text and as a code that another program
// reads; and nothing that is fetched without being asked for.
func TestFootNamesCopies(t *testing.T) {
	p := newPublisher(t)
	p.c.newest.Handle = "Telegram @kua_sample"
	p.c.newest.Mirrors = append(p.c.newest.Mirrors, "https://fourth.example", "https://"+strings.Repeat("long", 40)+".example")
	p.publish(records(p.c, 1, 3)...)
	addresses := []string{"https://node.example", "https://kua.example", "https://copy.example/kua"}
	lines := append(slices.Clone(addresses), "http://"+torProject, p.c.newest.Handle)
	code := regexp.MustCompile(`src="[./]*(s/code\.[0-9a-f]{12}\.png)" alt="([^"]*)" loading="lazy"`)
	var path string
	for name, html := range pages(t, p.tree()) {
		_, foot, ok := strings.Cut(html, "<footer>")
		if !ok {
			t.Errorf("%s has no foot", name)
			continue
		}
		to := strings.Replace(name, "404.html", "index.html", 1)
		for _, a := range append(slices.Clone(addresses), "http://"+torProject) {
			if want := `<a href="` + a + "/" + to + `">` + a + `</a>`; !strings.Contains(foot, want) {
				t.Errorf("%s does not lead to itself at %s", name, a)
			}
		}
		if strings.Contains(foot, "fourth.example") || !strings.Contains(foot, "<li>"+p.c.newest.Handle+"</li>") {
			t.Errorf("the foot of %s names too much, or not the channel", name)
		}
		m := code.FindStringSubmatch(foot)
		if m == nil || !slices.Equal(strings.Fields(m[2]), strings.Fields(strings.Join(lines, " "))) {
			t.Fatalf("%s shows no code with its words: %q", name, m)
		}
		path = m[1]
	}
	if got := scan(t, filepath.Join(p.tree(), path)); got != strings.Join(lines, "\n") {
		t.Errorf("the code says %q", got)
	}
	found := code.FindAllStringSubmatch(p.page("kk/mirrors.html"), -1)
	if len(found) != 5 {
		t.Fatalf("the page of addresses shows %d codes", len(found))
	}
	for i, want := range lines[:4] {
		if got := scan(t, filepath.Join(p.tree(), found[i][1])); got != want+"/" {
			t.Errorf("code %d of the page of addresses says %q", i, got)
		}
	}
	for _, a := range p.c.newest.Mirrors {
		if !strings.Contains(p.page("kk/mirrors.html"), `<a href="`+a+`/kk/mirrors.html">`) {
			t.Errorf("the page of addresses does not lead to itself at %s", a)
		}
	}
}

// scan reads a QR code with zbar.
func scan(t *testing.T, picture string) string {
	t.Helper()
	out, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture).Output()
	if err != nil {
		t.Fatalf("zbarimg %s: %v (tools/install.sh test)", picture, err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// TestFootChangesRarely shows what costs all pages: an address that left. One
// that came changes none while three are named.
func TestFootChangesRarely(t *testing.T) {
	p := newPublisher(t)
	p.publish(records(p.c, 1, 2)...)
	old := p.page("kk/r/0000/000001.html")
	p.c.newest.Mirrors = append([]string{"https://new.example"}, p.c.newest.Mirrors...)
	p.publish(p.c.record(3))
	if p.page("kk/r/0000/000001.html") != old {
		t.Error("one more address changed a page that names three")
	}
	p.c.newest.Mirrors = slices.DeleteFunc(p.c.newest.Mirrors, func(m string) bool { return m == "https://kua.example" })
	p.publish(p.c.record(4))
	for name, html := range pages(t, p.tree()) {
		if strings.Contains(html, `href="https://kua.example`) {
			t.Fatalf("%s still leads to an address that left the charter", name)
		}
		if !strings.Contains(html, "https://new.example") {
			t.Fatalf("%s does not name the address that took its place", name)
		}
	}
	p.c.newest.Mirrors, p.c.newest.Nodes = nil, nil
	p.publish(p.c.record(5))
	if html := p.page("kk/r/0000/000001.html"); strings.Contains(html, "copies") {
		t.Error("a charter without addresses has a foot with some")
	}
}

func TestChooseCopies(t *testing.T) {
	onion := "http://" + torProject
	c := charter.Charter{Nodes: []charter.Node{{URL: onion}, {URL: "https://n1.example/"}, {URL: "https://n2.example"}}, Mirrors: []string{"https://m1.example", "https://n2.example"}}
	for _, step := range []struct {
		before []string
		want   []string
	}{
		{nil, []string{"https://m1.example", "https://n2.example", "https://n1.example"}},
		{[]string{"https://gone.example", "https://n1.example"}, []string{"https://n1.example", "https://m1.example", "https://n2.example"}},
	} {
		got := chooseCopies(c, copiesBlock{Addresses: step.before})
		if !slices.Equal(got.Addresses, step.want) || got.Onion != onion {
			t.Errorf("after %v the foot names %v and %s, want %v", step.before, got.Addresses, got.Onion, step.want)
		}
	}
}
