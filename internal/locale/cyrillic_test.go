package locale

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCyrillic(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"O‘zbekiston", "Ўзбекистон"},
		{"Oʻzbekiston, Oʼzbekiston, O'zbekiston, O`zbekiston, O’zbekiston", "Ўзбекистон, Ўзбекистон, Ўзбекистон, Ўзбекистон, Ўзбекистон"},
		{"G‘ijduvon tog‘i, bog'", "Ғиждувон тоғи, боғ"},
		{"guvohlik berish uchun", "гувоҳлик бериш учун"},
		{"Choyxona, SHAHAR, Shahar", "Чойхона, ШАҲАР, Шаҳар"},
		{"Is'hoq va as’hob", "Исҳоқ ва асҳоб"},
		{"ma'no, san’at, e’lon", "маъно, санъат, эълон"},
		{"yo‘q, yo'l, Yo‘lovchi", "йўқ, йўл, Йўловчи"},
		{"yozuv, yulduz, yangi, yer, Yevropa", "ёзув, юлдуз, янги, ер, Европа"},
		{"ekin, kecha, poema, aeroport, klient", "экин, кеча, поэма, аэропорт, клиент"},
		{"EKSPERT, ELON", "ЭКСПЕРТ, ЭЛОН"},
		{"politsiya, konstitutsiya, protsess, tsirk", "полиция, конституция, процесс, цирк"},
		{"ketsa, aytsin, yotsiz", "кетса, айтсин, ётсиз"},
		{"21-noyabr, 2026", "21-ноябр, 2026"},
		{"1-sentabr, Oktabr", "1-сентябр, Октябр"},
		{"Yozuvlar: {0} ta, {1}dan", "Ёзувлар: {0} та, {1}дан"},
		{"Kuä dasturi", "Kuä дастури"},
		{"SHA-256 xeshi, MP4 fayl, URL manzil", "SHA-256 хеши, MP4 файл, URL манзил"},
		{"https://kua.example/uz/r va guvoh@kua.example", "https://kua.example/uz/r ва guvoh@kua.example"},
		{"<b class=\"x\">matn</b> &amp; so‘z", "<b class=\"x\">матн</b> &amp; сўз"},
		{"Buyruq: `kua verify .` bajaring", "Буйруқ: `kua verify .` бажаринг"},
		{"report.json fayli; va/yoki", "report.json файли; ва/ёки"},
		{"XX asr, BMT", "XX аср, БМТ"},
		{"Windows va Facebook", "Windows ва Facebook"},
		{"ijtimoiy-siyosiy", "ижтимоий-сиёсий"},
		{"'iqtibos'", "'иқтибос'"},
		{"Қазақша уже кириллица", "Қазақша уже кириллица"},
		{"", ""},
	} {
		if got := Cyrillic(c.in); got != c.want {
			t.Errorf("Cyrillic(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func FuzzCyrillic(f *testing.F) {
	for _, s := range []string{"o‘", "ts", "`", "<", "{0", "s'h", "Ye\u0301", "a.bc\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Cyrillic(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("Cyrillic(%q) = %q is not UTF-8", s, got)
		}
		if want := strings.Count(s, "{0}"); strings.Count(got, "{0}") != want {
			t.Errorf("Cyrillic(%q) = %q lost a placeholder", s, got)
		}
		if again := Cyrillic(got); utf8.ValidString(s) && strings.ContainsAny(got, "abc") == false && again != got {
			t.Errorf("Cyrillic twice: %q, %q", got, again)
		}
	})
}
