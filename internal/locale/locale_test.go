package locale

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, tag := range Tags() {
		for _, s := range []string{string(tag), tag.Path()} {
			if got, ok := Parse(s); !ok || got != tag {
				t.Errorf("Parse(%q) = %q, %v, want %q", s, got, ok, tag)
			}
		}
		if tag.Name() == "" {
			t.Errorf("%s has no name", tag)
		}
	}
	if got, ok := Parse("de"); ok {
		t.Errorf("Parse(de) = %q, want none", got)
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name  string
		tag   Tag
		texts map[string]string
		words string
		in    Tag
	}{
		{"own", Kazakh, map[string]string{"kk": "куә", "ru": "свидетель"}, "куә", Kazakh},
		{"Russian first", Kazakh, map[string]string{"en": "witness", "ru": "свидетель"}, "свидетель", Russian},
		{"made from Latin", UzbekCyrillic, map[string]string{"uz": "guvoh"}, "гувоҳ", UzbekCyrillic},
		{"written in Cyrillic", UzbekCyrillic, map[string]string{"uz": "guvoh", "uz-Cyrl": "шоҳид"}, "шоҳид", UzbekCyrillic},
		{"whatever there is", English, map[string]string{"tk": "şaýat"}, "şaýat", Turkmen},
		{"none", English, nil, "", English},
	} {
		t.Run(c.name, func(t *testing.T) {
			words, in := c.tag.Text(c.texts)
			if words != c.words || in != c.in {
				t.Errorf("Text = %q in %q, want %q in %q", words, in, c.words, c.in)
			}
		})
	}
}

func TestDates(t *testing.T) {
	got := map[Tag][]string{}
	for _, tag := range Tags() {
		got[tag] = []string{tag.Date("2026-09-05"), tag.Month("2026-09"), tag.Decimal(1.25, 1)}
	}
	want := map[Tag][]string{
		Kazakh:        {"2026 ж. 5 қыркүйек", "2026 ж. қыркүйек", "1,2"},
		Kyrgyz:        {"2026-ж., 5-сентябрь", "2026-ж., сентябрь", "1,2"},
		Uzbek:         {"5-sentabr, 2026", "sentabr, 2026", "1,2"},
		UzbekCyrillic: {"5-сентябр, 2026", "сентябр, 2026", "1,2"},
		Tajik:         {"5 сентябри 2026", "сентябр 2026", "1,2"},
		Turkmen:       {"5 sentýabr 2026", "sentýabr 2026", "1,2"},
		Russian:       {"5 сентября 2026", "сентябрь 2026", "1,2"},
		English:       {"5 September 2026", "September 2026", "1.2"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("dates (-want +got):\n%s", d)
	}
	for _, s := range []string{"", "2026-13-01", "yesterday"} {
		if got := Russian.Date(s); got != s {
			t.Errorf("Date(%q) = %q, want it unchanged", s, got)
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ in, fold, keyboard string }{
		{"ҚАЗАҚСТАН", "қазақстан", "казакстан"},
		{"Ёлка", "елка", "елка"},
		{"O‘zbek", "ozbek", "ozbek"},
		{"Oʻzbek", "ozbek", "ozbek"},
		{"o'zbek", "ozbek", "ozbek"},
		{"Ўзбек", "ўзбек", "узбек"},
		{"Тоҷикӣ", "тоҷикӣ", "точики"},
		{"и\u0306од", "йод", "йод"},
		{"Әділет Үйі", "әділет үйі", "адилет уйи"},
		{"Türkmenistanyň", "türkmenistanyň", "turkmenistanyn"},
	} {
		if got := Fold(c.in); got != c.fold {
			t.Errorf("Fold(%q) = %q, want %q", c.in, got, c.fold)
		}
		if got := Keyboard(Fold(c.in)); got != c.keyboard {
			t.Errorf("Keyboard(%q) = %q, want %q", c.in, got, c.keyboard)
		}
	}
	if got, want := SearchText("Қазақстан, Алматы (2022)!"), "қазақстан казакстан алматы 2022"; got != want {
		t.Errorf("SearchText = %q, want %q", got, want)
	}
}

func catalogue(t *testing.T, files map[string]string) (*Catalogue, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Load(fsys)
}

func TestCatalogue(t *testing.T) {
	c, err := catalogue(t, map[string]string{
		"en/a.json": `{"hello": "Hello, {0} and {1}", "only": "Only English"}`,
		"en/b.json": `{"bye": "Bye"}`,
		"uz/a.json": `{"hello": {"text": "Salom, {0} va {1}", "machine": true}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		tag  Tag
		key  string
		args []any
		want string
	}{
		{English, "hello", []any{"a{1}", 2}, "Hello, a{1} and 2"},
		{English, "hello", []any{"a"}, "Hello, a and {1}"},
		{English, "bye", nil, "Bye"},
		{Uzbek, "hello", []any{"Ali", "Guli"}, "Salom, Ali va Guli"},
		{UzbekCyrillic, "hello", []any{"Ali", "Гули"}, "Салом, Ali ва Гули"},
		{Uzbek, "only", nil, "«Only English»"},
		{Uzbek, "none", nil, "«none»"},
	} {
		if got := c.T(x.tag, x.key, x.args...); got != x.want {
			t.Errorf("T(%s, %s) = %q, want %q", x.tag, x.key, got, x.want)
		}
	}
	if got, want := c.Keys(English), []string{"bye", "hello", "only"}; !slices.Equal(got, want) {
		t.Errorf("Keys = %q, want %q", got, want)
	}
	if !c.Machine(UzbekCyrillic, "hello") || c.Reviewed(Uzbek) || !c.Reviewed(English) {
		t.Error("the machine's mark is lost")
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no English":       {"ru/a.json": `{"a": "б"}`},
		"key twice":        {"en/a.json": `{"a": "x"}`, "en/b.json": `{"a": "y"}`},
		"unknown language": {"en/a.json": `{"a": "x"}`, "de/a.json": `{"a": "x"}`},
		"derived language": {"en/a.json": `{"a": "x"}`, "uz-cyrl/a.json": `{"a": "x"}`},
		"not flat":         {"en/a.json": `{"a": ["x"]}`},
		"key twice in one": {"en/a.json": `{"a": "x", "a": "y"}`},
		"cut off":          {"en/a.json": `{"a": "x`},
		"no end":           {"en/a.json": `{"a": "x"`},
		"behind the end":   {"en/a.json": `{"a": "x"} {`},
		"no comma":         {"en/a.json": `{"a": "x" "b": "y"}`},
		"no colon":         {"en/a.json": `{"a" "x"}`},
		"a mark more":      {"en/a.json": `{"a": {"text": "x", "machin": true}}`},
		"a mark unlike it": {"en/a.json": `{"a": {"text": "x", "machine": 1}}`},
		"a line's end":     {"en/a.json": "{\"a\": \"x\ny\"}"},
		"no such escape":   {"en/a.json": `{"a": "\x"}`},
		"not UTF-8":        {"en/a.json": "{\"a\": \"\xff\"}"},
	} {
		if _, err := catalogue(t, files); err == nil {
			t.Errorf("%s: Load found no fault", name)
		}
	}
}

// TestFilesAreJSON: what is read of every file is what encoding/json reads there.
func TestFilesAreJSON(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "web/locales/*/*.json"))
	if err != nil || len(files) < 7*60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, want := map[string]entry{}, map[string]entry{}
		if err := read(string(b), got); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		var plain map[string]any
		if err := json.Unmarshal(b, &plain); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for key, v := range plain {
			if marked, ok := v.(map[string]any); ok {
				want[key] = entry{marked["text"].(string), marked["machine"].(bool)}
			} else {
				want[key] = entry{Text: v.(string)}
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", file, d)
		}
	}
	odd := map[string]entry{}
	if err := read(" {\"a\\n\\\"\\u00e9\\ud83d\\ude00\\/\\\\\" : \"\" ,\n\"b\":{\"machine\":false , \"text\":\"{\\\\\"}}\r\n", odd); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]entry{"a\n\"é😀/\\": {}, "b": {Text: "{\\"}}, odd); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
