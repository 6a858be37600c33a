package card

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/image/draw"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/qrcode"
	"kua/internal/record"
	"kua/web"
)

// made is the one maker of all tests: reading every language takes longer than
// drawing.
var made = sync.OnceValues(func() (*Maker, error) {
	cat, err := locale.Load(web.Locales())
	if err != nil {
		return nil, err
	}
	return New(cat)
})

func newMaker(t testing.TB) *Maker {
	t.Helper()
	m, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// words in every language, with the letters that only that one has. All of it is
// made up.
var (
	title = record.Text{
		"kk": "Көлікті тоқтатқан инспектор ақша сұрап, жүргізушіні ұрды: Әуежай жолы, үшінші бекет",
		"ky": "Инспектор унааны токтотуп, акча сурап, айдоочуну сабады: Өзөк жолу, үңкүр бекети",
		"uz": "Inspektor mashinani toʻxtatib, pul soʻradi va haydovchini urdi: Gʻalaba koʻchasi, oʻninchi post",
		"tg": "Нозир мошинро нигоҳ дошт, пул пурсид ва ронандаро зад: кӯчаи Ҷавонон, дидбонгоҳи ғарбӣ",
		"tk": "Gözegçi ulagy saklap, pul sorady we sürüjini urdy: Täze ýol, üçünji beket, çäk ýanynda",
		"ru": "Инспектор остановил машину, потребовал денег и ударил водителя: дорога в аэропорт, третий пост",
		"en": "An inspector stopped a car, asked for money and beat the driver: airport road, third post",
	}
	summary = record.Text{
		"kk": "Фильмде инспектордың құжат сұрағаны, содан кейін жүргізушіні екі рет ұрғаны көрінеді. Ғимарат алдында үш адам тұр. Һәм бәрі үндемейді.",
		"ky": "Тасмада инспектордун документ сураганы, андан кийин айдоочуну эки жолу урганы көрүнөт. Имараттын алдында үч киши турат.",
		"uz": "Filmda inspektor hujjat soʻragani, keyin haydovchini ikki marta urgani koʻrinadi. Bino oldida uch kishi turibdi.",
		"tg": "Дар филм дида мешавад, ки нозир ҳуҷҷат мепурсад ва баъд ронандаро ду бор мезанад. Дар назди бино се кас истодаанд.",
		"tk": "Filmde gözegçiniň resminama soraýşy, soňra sürüjini iki gezek urşy görünýär. Binanyň öňünde üç adam dur.",
		"ru": "На плёнке видно, как инспектор спрашивает документы, а затем дважды бьёт водителя. Перед зданием стоят три человека.",
		"en": "The film shows an inspector asking for papers and then striking the driver twice. Three people stand in front of the building.",
	}
	place = record.Text{"kk": "Алматы маңы", "ky": "Бишкек чети", "uz": "Toshkent atrofi", "tg": "канори Душанбе", "tk": "Aşgabat töweregi", "ru": "около Алматы", "en": "near Almaty"}
)

func sample() Subject {
	return Subject{
		Record: record.Record{
			Kind: record.Kind, ID: "000123", Version: 1, Status: record.Published, Day: "2026-11-21",
			Languages: []string{"kk", "ky", "uz", "tg", "tk", "ru", "en"}, What: "beating", Title: title, Summary: summary,
			Happened: record.Span{From: "2026-11"}, Place: record.Place{Words: place},
		},
		Collective: map[string]string{"kk": "Үлгі ұйым «Куә»", "ru": "Пример: общество «Куә»", "en": "The sample collective “Kuä”"},
		Address:    "https://kua.example.org",
	}
}

func withdrawn() Subject {
	s := sample()
	s.Record = record.Record{Kind: record.Kind, ID: "000123", Version: 2, Previous: strings.Repeat("0", 64), Status: record.Withdrawn, Day: "2026-11-22",
		Reason: record.Text{"ru": "По просьбе человека, который виден на плёнке.", "kk": "Фильмде көрінген адамның өтініші."}}
	return s
}

// TestCards draws every language, holds weight and size, draws again, and reads
// the code with another program.
func TestCards(t *testing.T) {
	m := newMaker(t)
	dir := t.TempDir()
	for _, lang := range locale.Tags() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			for name, s := range map[string]Subject{"card": sample(), "gone": withdrawn()} {
				l, err := m.layOut(s, lang)
				if err != nil {
					t.Fatal(err)
				}
				fits(t, l)
				b, err := m.PNG(s, lang)
				if err != nil {
					t.Fatal(err)
				}
				if lang == locale.Kazakh {
					if again, err := newMaker(t).PNG(s, lang); err != nil || !bytes.Equal(b, again) {
						t.Errorf("the same %s has other bytes the second time: %v", name, err)
					}
				}
				if err := m.Lacks(s, lang); err != nil {
					t.Errorf("the %s lacks a letter: %v", name, err)
				}
				c, err := png.DecodeConfig(bytes.NewReader(b))
				if err != nil || c.Width != Width || c.Height != Height || len(b) > MaxBytes {
					t.Errorf("the %s has %d × %d pixels, %d bytes: %v", name, c.Width, c.Height, len(b), err)
				}
				if name == "gone" && lang != locale.Kazakh {
					continue
				}
				file := filepath.Join(dir, string(lang)+"-"+name+".png")
				if err := os.WriteFile(file, b, 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
				if want := "https://kua.example.org/" + lang.Path() + "/r/0001/000123.html\n"; err != nil || string(out) != want {
					t.Errorf("the code says %q, want %q: %v (tools/install.sh test)", out, want, err)
				}
			}
		})
	}
}

// TestNothingOverflows measures every line of cards whose words are as long as a
// record can have them: all stand within the margins, each in a room of its own,
// none in the quiet zone of the code.
func TestNothingOverflows(t *testing.T) {
	m := newMaker(t)
	longest := func(unit string, characters int) record.Text {
		words := []rune(strings.Repeat(unit, characters/len([]rune(unit))+1))[:characters]
		all := record.Text{}
		for _, l := range sample().Record.Languages {
			all[l] = strings.TrimSpace(string(words)) + "."
		}
		return all
	}
	for _, unit := range []string{"Щ", "Ўзбекистонда ҳуқуқ ҳимояси ", "i", "Өңірде\u0301 ", "漢", "a b "} {
		for _, mostly := range []int{1, 90} {
			s := sample()
			s.Record.Title, s.Record.Summary = longest(unit, record.MaxTitle/mostly-1), longest(unit, record.MaxWords/mostly-1)
			s.Record.Place.Words, s.Collective = longest(unit, record.MaxTitle-1), longest(unit, 300)
			s.Record.Happened = record.Span{From: "2026-11-01", To: "2026-11-20"}
			s.Record.Version, s.Record.Previous, s.Record.Correction = record.MaxItems, strings.Repeat("0", 64), longest("x", 10)
			s.Address = "https://" + strings.Repeat("w", MaxAddress-len("https://.example")) + ".example"
			gone := withdrawn()
			gone.Record.Reason, gone.Collective, gone.Address = longest(unit, record.MaxWords-1), s.Collective, s.Address
			for _, s := range []Subject{s, gone} {
				for _, lang := range []locale.Tag{locale.UzbekCyrillic, locale.Russian} {
					l, err := m.layOut(s, lang)
					if err != nil {
						t.Fatal(err)
					}
					fits(t, l)
				}
				if mostly > 1 || unit != "Щ" && unit != "a b " {
					continue
				}
				if b, err := m.PNG(s, locale.Uzbek); err != nil || len(b) > MaxBytes {
					t.Error(len(b), err)
				}
			}
		}
	}
}

func fits(t *testing.T, l *layout) {
	t.Helper()
	page := image.Rect(left, top, right, bottom+4)
	taken := []image.Rectangle{l.code.box.Inset(-qrcode.Quiet * l.code.module)}
	if !l.code.box.In(page) || l.code.module < 4 {
		t.Errorf("the code stands at %v with modules of %d pixels", l.code.box, l.code.module)
	}
	for _, one := range l.lines {
		if w := one.face.width(one.text); w > one.room.Dx() || !one.room.In(page) {
			t.Errorf("%s: %q takes %d of %v", l.lang, one.text, w, one.room)
		}
		ink := image.Rect(one.room.Min.X, one.room.Min.Y, one.room.Min.X+one.face.width(one.text), one.room.Min.Y+one.face.up+one.face.Metrics().Descent.Ceil())
		for _, other := range taken {
			if ink.Overlaps(other) {
				t.Errorf("%s: %q at %v lies on %v", l.lang, one.text, ink, other)
			}
		}
		taken = append(taken, ink)
	}
}

// TestLongTitle wants a title that is too long to end in an ellipsis, and words
// that fit to stand whole.
func TestLongTitle(t *testing.T) {
	m := newMaker(t)
	s := sample()
	s.Record.Title = record.Text{}
	for _, l := range s.Record.Languages {
		s.Record.Title[l] = strings.TrimSpace(strings.Repeat("Өңделмеген ", 18))
	}
	l, err := m.layOut(s, locale.Kazakh)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, one := range l.lines {
		said = append(said, one.text)
	}
	all := strings.Join(said, " ")
	if !strings.Contains(all, "Өңделмеген…") || !strings.Contains(all, summary["kk"]) {
		t.Errorf("the card says %q", all)
	}
}

// TestTombstone wants a withdrawn record's card to hold its number, its day and
// its reason, and a record that still had words not to be drawn at all.
func TestTombstone(t *testing.T) {
	m := newMaker(t)
	l, err := m.layOut(withdrawn(), locale.Russian)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, one := range l.lines {
		said = append(said, one.text)
	}
	all := strings.Join(said, " ")
	for _, want := range []string{"000123", "22 ноября 2026", "По просьбе человека"} {
		if !strings.Contains(all, want) {
			t.Errorf("the tombstone does not say %q: %q", want, all)
		}
	}
	for _, gone := range []string{title["ru"], place["ru"], "21 ноября", "инспектор"} {
		if strings.Contains(all, gone) {
			t.Errorf("the tombstone still says %q", gone)
		}
	}
	s := withdrawn()
	s.Record.Title = title
	if _, err := m.PNG(s, locale.Russian); !errors.Is(err, fault.Invalid("record.withdrawn_keeps_words")) {
		t.Errorf("a withdrawn record that keeps words was drawn: %v", err)
	}
}

func TestAddressOfACard(t *testing.T) {
	m := newMaker(t)
	for _, bad := range []string{"", "kua.example.org", "https://", "ftp://kua.example.org", "https://kua.example.org/#x", "https://a@kua.example.org", "https://kua.example.org/a b", "https://" + strings.Repeat("w", MaxAddress)} {
		s := sample()
		s.Address = bad
		if _, err := m.PNG(s, locale.Kazakh); !errors.Is(err, fault.Invalid("card.address")) {
			t.Errorf("%q was taken for an address: %v", bad, err)
		}
	}
	s := sample()
	s.Record.Title["kk"] += " 漢"
	if err := m.Lacks(s, locale.Kazakh); !errors.Is(err, fault.Invalid("card.no_sign")) {
		t.Errorf("a sign that no font has is not told of: %v", err)
	}
}

// TestCodeSurvivesMessengers makes a card with the longest address half as wide and
// a bad JPEG, as messengers do, and reads its code all the same.
func TestCodeSurvivesMessengers(t *testing.T) {
	s := sample()
	s.Address = "https://" + strings.Repeat("w", MaxAddress-len("https://.example")) + ".example"
	b, err := newMaker(t).PNG(s, locale.Kazakh)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	small := image.NewRGBA(image.Rect(0, 0, Width/2, Height/2))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), whole, whole.Bounds(), draw.Src, nil)
	file := filepath.Join(t.TempDir(), "small.jpg")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(jpeg.Encode(out, small, &jpeg.Options{Quality: 40}), out.Close()); err != nil {
		t.Fatal(err)
	}
	read, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	if err != nil || strings.TrimSpace(string(read)) != s.Page(locale.Kazakh) {
		t.Errorf("the code says %q: %v (tools/install.sh test)", read, err)
	}
}
