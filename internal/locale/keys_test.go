package locale

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func loadAll(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load(os.DirFS(filepath.Join(root, "web/locales")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEveryKeyInEveryLanguage holds the promise of seven complete languages:
// the same keys, the same placeholders, no empty sentence.
func TestEveryKeyInEveryLanguage(t *testing.T) {
	c := loadAll(t)
	for _, tag := range Tags() {
		t.Run(string(tag), func(t *testing.T) {
			var missing []string
			for _, key := range c.Keys(English) {
				e, ok := c.entry(tag, key)
				if !ok {
					missing = append(missing, key)
					continue
				}
				if strings.TrimSpace(e.Text) == "" {
					t.Errorf("%s is empty", key)
				}
				if got, want := placeholders(e.Text), placeholders(c.of(English).texts[key].Text); !slices.Equal(got, want) {
					t.Errorf("%s has the placeholders %v, want %v", key, got, want)
				}
			}
			if len(missing) > 0 {
				t.Errorf("%d of %d keys are missing, first %s", len(missing), len(c.Keys(English)), missing[0])
			}
			for _, key := range c.Keys(tag) {
				if !c.Has(key) {
					t.Errorf("%s is not a key of English", key)
				}
			}
		})
	}
}

// TestReportIsNoAppeal: a report has no legal clock, an appeal has one, and no
// language calls the one by the other's name where people tell and answer.
func TestReportIsNoAppeal(t *testing.T) {
	c := loadAll(t)
	room := regexp.MustCompile(`^(lane|laneweb|lane311|check|moderation|office|deliver)\.`)
	report := regexp.MustCompile(`(?i)\breports?\b`)
	other := regexp.MustCompile(`(?i)appeal|complain|official|ask |request`) // what may well be called so
	for tag, name := range map[Tag]string{Kazakh: "өтініш|арыз|шағым", Kyrgyz: "кайрылуу|арыз|даттануу", Uzbek: "murojaat|ariza|shikoyat",
		Tajik: "муроҷиат|ариза|шикоят", Turkmen: "ýüz ?tutma|arza|şikaýat", Russian: "обращени|жалоб|заявлени"} {
		appeal, looked := regexp.MustCompile("(?i)"+name), 0
		for _, key := range c.Keys(English) {
			english := c.of(English).texts[key].Text
			if !room.MatchString(key) || !report.MatchString(english) || other.MatchString(english) {
				continue
			}
			looked++
			if said := c.of(tag).texts[key].Text; appeal.MatchString(said) {
				t.Errorf("%s calls a report an appeal: %s: %s", tag, key, said)
			}
		}
		if looked < 60 {
			t.Errorf("%d sentences are too few to show anything", looked)
		}
	}
}

var placeholder = regexp.MustCompile(`\{\d+\}`)

func placeholders(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// used finds keys where they are used: T in templates, T and faults in Go.
var used = regexp.MustCompile(`\.T(?:\(| )(?:[\w.]+, )?"([\w.]+)"` +
	`|fault\.(?:Invalid|NotFound|Conflict|Forbidden|TooLarge|Later|Corrupt|Missing)\("([\w.]+)"` +
	`|fault\.New\([\w.]+, "([\w.]+)"`)

// TestEveryKeyUsedExists finds sentences that are spoken but not written. A
// literal that ends in a dot begins a key made at run time.
func TestEveryKeyUsedExists(t *testing.T) {
	c := loadAll(t)
	for file, text := range sources(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			key := m[1] + m[2] + m[3]
			if !strings.Contains(key, ".") || strings.HasSuffix(key, ".") {
				continue
			}
			if !c.Has(key) {
				t.Errorf("%s uses %s, which no catalogue file in web/locales/en has", file, key)
			}
		}
	}
}

// suffix finds endings that code puts behind a key, such as ".hint".
var suffix = regexp.MustCompile("[\"'`](\\.[a-z_]+)[\"'`]")

var quoted = regexp.MustCompile("[\"'`]([a-z][\\w]*(?:\\.[\\w]*)+)[\"'`$]")

// TestEveryKeyIsUsed finds sentences that are written but never spoken.
func TestEveryKeyIsUsed(t *testing.T) {
	c := loadAll(t)
	whole := make(map[string]bool)
	var prefixes, suffixes []string
	for _, text := range sources(t) {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if strings.HasSuffix(m[1], ".") {
				prefixes = append(prefixes, m[1])
			} else {
				whole[m[1]] = true
			}
		}
		for _, m := range suffix.FindAllStringSubmatch(text, -1) {
			suffixes = append(suffixes, m[1])
		}
	}
	slices.Sort(suffixes)
	suffixes = slices.Compact(suffixes)
	slices.Sort(prefixes)
	prefixes = slices.Compact(prefixes)
	for _, key := range c.Keys(English) {
		base := key
		for _, s := range suffixes {
			if short := strings.TrimSuffix(key, s); whole[short] {
				base = short
			}
		}
		made := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(base, p) })
		if !whole[key] && !whole[base] && !made {
			t.Errorf("nothing uses %s", key)
		}
	}
}

// sources reads the program and its pages, but for tests' data and what is built.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch d.Name() {
		case "node_modules", ".git", "dist", "testdata", "bin", "locales":
			if d.IsDir() {
				return fs.SkipDir
			}
		}
		switch filepath.Ext(name) {
		case ".go", ".html", ".ts":
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			all[name] = string(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
