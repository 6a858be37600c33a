package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/keyring"
	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/seal"
)

// Words of made-up records. Real prose matters here: what a page weighs depends
// on how its text compresses.
var vocabulary = map[string][]string{
	"kk": strings.Fields(`куәгер полиция қызметкері көшеде тоқтатып құжаттарын тексерді ақша талап етті жүргізуші бас тартқан соң оны
		бөлімшеге алып кетті адвокат шақыруға рұқсат берілмеді ертеңінде дәрігер денесіндегі жарақаттарды тіркеді ұрып соққан адамның
		аты жөні белгісіз бейнебақылау жазбасы сақталған прокуратураға арыз түсірілді жауап әлі келген жоқ көршілер айғайды естіген
		аудандық әкімдік өкілі оқиға болмағанын айтты отбасы мүшелері түрме алдында екі күн күтті қаңтар айында алаңға шыққан
		азаматтардың бірі жарақат алып ауруханаға жеткізілді тергеу амалдары жүріп жатыр сот шешімі жарияланбады`),
	"ru": strings.Fields(`свидетель рассказал что сотрудник полиции остановил машину на улице и потребовал деньги водитель отказался
		тогда его отвезли в отделение адвоката не пустили наутро врач записал побои имя того кто бил неизвестно запись с камеры
		сохранилась подана жалоба в прокуратуру ответа ещё нет соседи слышали крики представитель акимата сказал что ничего не было
		родные ждали у изолятора два дня решение суда не опубликовано`),
	"uz": strings.Fields(`guvoh aytishicha militsiya xodimi ko‘chada to‘xtatib pul talab qilgan haydovchi rad etgach uni bo‘limga olib
		ketishgan advokat chaqirishga ruxsat berilmagan ertasi kuni shifokor tan jarohatlarini qayd etgan qo‘shnilar qichqiriqni
		eshitgan prokuraturaga ariza topshirilgan javob hali kelmagan`),
	"en": strings.Fields(`the witness says that an officer stopped the car in the street and asked for money the driver refused and was
		taken to the station no lawyer was let in next morning a doctor wrote down the injuries the footage was kept a complaint
		went to the prosecutor there is no answer yet neighbours heard shouting`),
}

func prose(rng *rand.Rand, lang string, n int) string {
	var b strings.Builder
	for i := range n {
		w := vocabulary[lang][rng.IntN(len(vocabulary[lang]))]
		switch {
		case i == 0:
			w = strings.ToUpper(w[:len(string([]rune(w)[0]))]) + w[len(string([]rune(w)[0])):]
		case rng.IntN(12) == 0:
			b.WriteString(".")
		}
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(w)
	}
	return b.String() + "."
}

func texts(rng *rand.Rand, langs []string, n int) record.Text {
	t := make(record.Text)
	for _, l := range langs {
		t[l] = strings.TrimSuffix(prose(rng, l, n), ".")
	}
	return t
}

var towns = []struct {
	words    record.Text
	lat, lon float64
}{
	{record.Text{"kk": "Алматы", "ru": "Алматы", "uz": "Olmaota", "en": "Almaty"}, 43.2, 76.9},
	{record.Text{"kk": "Жаңаөзен", "ru": "Жанаозен", "uz": "Janao‘zen", "en": "Zhanaozen"}, 43.3, 52.9},
	{record.Text{"kk": "Ташкент", "ru": "Ташкент", "uz": "Toshkent", "en": "Tashkent"}, 41.3, 69.2},
	{record.Text{"kk": "Нөкіс", "ru": "Нукус", "uz": "Nukus", "en": "Nukus"}, 42.5, 59.6},
	{record.Text{"kk": "Хорог", "ru": "Хорог", "uz": "Xorug‘", "en": "Khorugh"}, 37.5, 71.5},
	{record.Text{"kk": "Ош", "ru": "Ош", "uz": "O‘sh", "en": "Osh"}, 40.5, 72.8},
}

// collective is a made-up one with throwaway keys.
type collective struct {
	people []*keyring.Person
	chain  charter.Chain
	newest charter.Charter
	blobs  map[string][]byte
	poster string
}

// picture draws a poster: a street at dusk with a covered face.
func picture320() string {
	img := image.NewRGBA(image.Rect(0, 0, 320, 180))
	for y := range 180 {
		for x := range 320 {
			img.Set(x, y, color.RGBA{uint8(60 + y/2), uint8(70 + y/3), uint8(110 - y/3 + x/16), 255})
		}
	}
	fill := func(c color.Color, r image.Rectangle) {
		draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(color.RGBA{40, 42, 48, 255}, image.Rect(0, 120, 320, 180))
	fill(color.RGBA{90, 80, 70, 255}, image.Rect(120, 60, 180, 170))
	fill(color.Black, image.Rect(130, 50, 170, 90))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 40}); err != nil {
		panic(err)
	}
	return b.String()
}

func newCollective(tb testing.TB) *collective {
	tb.Helper()
	c := &collective{blobs: make(map[string][]byte), poster: picture320()}
	ch := charter.Charter{
		Kind: charter.Kind, Version: 1, Languages: []string{"kk", "ru", "uz", "en"}, Threshold: 2, Made: "2026-11-01",
		Name: map[string]string{"kk": "Жүргізушілер қоғамы", "ru": "Общество водителей", "uz": "Haydovchilar jamiyati", "en": "Drivers’ Society"},
		About: map[string]string{
			"kk": "Біз жолдағы парақорлық пен зорлықты жазып аламыз. Бәрі ойдан шығарылған: бұл үлгі.",
			"ru": "Мы записываем поборы и насилие на дорогах. Всё здесь выдумано: это образец.",
			"uz": "Biz yo‘llardagi poraxo‘rlik va zo‘ravonlikni yozib boramiz. Bu yerdagi hamma narsa o‘ylab topilgan: bu namuna.",
			"en": "We write down extortion and violence on the roads. Everything here is made up: this is a sample."},
		Log:     charter.Log{Origin: "kua.example/log", Key: "kua.example/log+2c5f0ea7+AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"},
		Nodes:   []charter.Node{{URL: "https://node.example"}, {URL: "http://" + torProject}},
		Mirrors: []string{"https://kua.example", "https://copy.example/kua"},
	}
	for _, name := range []string{"Айгүл", "Bek", "Нигора"} {
		p, err := keyring.NewPersonOf(seal.X25519, name)
		if err != nil {
			tb.Fatal(err)
		}
		c.people = append(c.people, p)
		ch.People = append(ch.People, p.Public("2026-11-01"))
	}
	for i := range ch.Nodes {
		ch.Nodes[i].Key = ch.People[0].PublishKey
	}
	doc, err := ch.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	c.chain, c.newest = charter.Chain{{Document: string(doc), Signatures: c.sign(doc)}}, ch
	return c
}

func (c *collective) sign(doc []byte) charter.Signatures {
	sigs := make(charter.Signatures)
	for _, p := range c.people[:2] {
		sigs.Add(doc, p)
	}
	return sigs
}

func (c *collective) blob(text string) (sum string, size int64) {
	h := sha256.Sum256([]byte(text))
	sum = hex.EncodeToString(h[:])
	c.blobs[sum] = []byte(text)
	return sum, int64(len(text))
}

func (c *collective) open(sum string) (io.ReadCloser, error) {
	b, ok := c.blobs[sum]
	if !ok {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// record makes a record of the usual size.
func (c *collective) record(n int) record.Record {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	langs := [][]string{{"kk", "ru", "uz", "en"}, {"kk", "ru"}, {"ru"}, {"uz", "ru"}}[n%4]
	town := towns[rng.IntN(len(towns))]
	day := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n%330)
	r := record.Record{
		Kind: record.Kind, ID: fmt.Sprintf("%06d", n), Version: 1, Status: record.Published, Day: day.AddDate(0, 0, 9).Format(time.DateOnly),
		Languages: langs, What: record.Whats()[n%7], Title: texts(rng, langs, 7), Summary: texts(rng, langs, 45),
		Happened: record.Span{From: day.Format(time.DateOnly)},
	}
	r.Place.Words = make(record.Text)
	for _, l := range langs {
		r.Place.Words[l] = town.words[l]
	}
	p := record.Round(town.lat, town.lon, 1)
	r.Place.Point = &p
	for range 3 {
		r.Known = append(r.Known, texts(rng, langs, 30))
	}
	for range 2 {
		r.Claims = append(r.Claims, record.Claim{Source: texts(rng, langs, 3), Words: texts(rng, langs, 25), Day: day.Format(time.DateOnly)})
	}
	if n%3 == 0 {
		r.Answers = append(r.Answers, record.Answer{Authority: texts(rng, langs, 3), Words: texts(rng, langs, 30), Day: r.Day})
	}
	if n%2 == 0 {
		r.Media = append(r.Media, c.film(n, "1", langs, rng))
	}
	return r
}

func (c *collective) film(n int, id string, langs []string, rng *rand.Rand) record.Media {
	m := record.Media{ID: id, Type: "film", Label: texts(rng, langs, 8), Seconds: 95, Covered: texts(rng, langs, 8)}
	for i, rung := range []string{"audio", "144p", "240p", "360p", "480p"} {
		f := record.File{Rung: rung, Type: "video/mp4"}
		if rung == "audio" {
			f.Type = "audio/ogg"
		}
		f.SHA256, f.Size = c.blob(fmt.Sprintf("%s of film %s of record %d %s", rung, id, n, strings.Repeat("x", 1_000<<i)))
		m.Files = append(m.Files, f)
	}
	p := record.File{Rung: "poster", Type: "image/jpeg", Width: 320, Height: 180}
	p.SHA256, p.Size = c.blob(c.poster + fmt.Sprintf("%d/%s", n, id))
	m.Poster = &p
	return m
}

func (c *collective) change(tb testing.TB, r record.Record) Change {
	tb.Helper()
	doc, err := r.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := record.Parse(doc); err != nil {
		tb.Fatalf("the sample record %s is not valid: %v", r.ID, err)
	}
	return Change{Record: r, Document: doc, Signatures: c.sign(doc)}
}

// next makes a new version of a record.
func next(tb testing.TB, r record.Record, alter func(*record.Record)) record.Record {
	tb.Helper()
	doc, err := r.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	r.Version++
	r.Previous = canon.Hash(doc)
	alter(&r)
	return r
}

func tombstone(tb testing.TB, r record.Record) record.Record {
	return next(tb, r, func(n *record.Record) {
		*n = record.Record{Kind: record.Kind, ID: n.ID, Version: n.Version, Previous: n.Previous, Status: record.Withdrawn, Day: "2026-11-20",
			Reason: record.Text{"ru": "Потерпевшая отозвала согласие.", "en": "The victim withdrew her consent."}}
	})
}

func newSite(tb testing.TB) *Site {
	tb.Helper()
	cat, err := locale.Load(os.DirFS("../../web/locales"))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := New(Config{Catalogue: cat, Templates: os.DirFS("../../web/templates"), Style: style(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// style puts the sources of the stylesheet together; the build makes it smaller.
func style(tb testing.TB) []byte {
	tb.Helper()
	var all []byte
	for _, name := range []string{"base/base.css", "site/site.css"} {
		b, err := os.ReadFile(filepath.Join("../../web/components", name))
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, bytes.ReplaceAll(b, []byte(`@import "../base/base.css";`), nil)...)
	}
	return all
}

// publisher makes one edition after the other.
type publisher struct {
	tb   testing.TB
	site *Site
	c    *collective
	dir  string
	made time.Time
	size uint64
}

func newPublisher(tb testing.TB) *publisher {
	return &publisher{tb: tb, site: newSite(tb), c: newCollective(tb), dir: tb.TempDir(), made: time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)}
}

func (p *publisher) tree() string    { return filepath.Join(p.dir, "tree") }
func (p *publisher) overlay() string { return filepath.Join(p.dir, "overlay") }

func (p *publisher) input(changes ...Change) Input {
	return Input{Chain: p.c.chain, Charter: p.c.newest, Changes: changes, Blobs: p.c.open, Made: p.made, LogSize: p.size}
}

func (p *publisher) update(in Input) (edition.Manifest, error) {
	p.tb.Helper()
	return p.site.Update(context.Background(), p.tree(), p.overlay(), in)
}

// publish drafts and applies an edition.
func (p *publisher) publish(records ...record.Record) edition.Manifest {
	p.tb.Helper()
	var changes []Change
	for _, r := range records {
		changes = append(changes, p.c.change(p.tb, r))
	}
	m, err := p.update(p.input(changes...))
	if err != nil {
		p.tb.Fatal(err)
	}
	if err := Apply(p.overlay(), p.tree()); err != nil {
		p.tb.Fatal(err)
	}
	p.size += uint64(len(records)) + 1
	p.made = p.made.Add(time.Hour)
	return m
}

func (p *publisher) page(path string) string {
	p.tb.Helper()
	b, err := os.ReadFile(filepath.Join(p.tree(), filepath.FromSlash(path)))
	if err != nil {
		p.tb.Fatal(err)
	}
	return string(b)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// torProject is a genuine onion address: the Tor Project's.
const torProject = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
