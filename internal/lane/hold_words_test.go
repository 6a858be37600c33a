package lane

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"kua/internal/authority"
	"kua/internal/fault"
)

// TestPrivateWords: telephones and links are found however they are written, and what
// ordinary reports say is not taken for one.
func TestPrivateWords(t *testing.T) {
	for _, s := range []string{
		"8.700.123.45.67", "8 700 1234567", "+7 (700) 123-45-67", "8/700/123/45/67", "8–700–123–45–67", "8_700_123_45_67", "8\u2009700\u2009123\u200945\u200967", "8.7001234567", "900101300123",
		"28.11.2026 8.700.123.45.67", "701.1234567", "8,701,123,45,67", "8*701*123*45*67", "+7,701,123-45-67", "8 701 123 10.20-10.30", "8 701 10.00-11.00",
	} {
		if got := numbers("Звоните " + s + ", выдумано"); len(got) != 1 {
			t.Errorf("%q: numbers %q, want one", s, got)
		}
	}
	for _, s := range []string{
		"reklama точка кз", "reklama (dot) kz", "reklama[.]com", "реклама нүкте кз", "reklama nuqta uz", "reklama . kz", "reklama .kz", "hxxps://reklama", "http //reklama", "www. reklama", "t.me/reklama", "t me/reklama", "т.ме/reklama",
		"murat собака mail точка ру", "murat(at)mail.ru", "murat @ mail.ru", "@reklama", "reklama.kz", "https://reklama",
	} {
		if got := links("Пишите " + s + ", выдумано"); len(got) == 0 {
			t.Errorf("%q: nothing is found", s)
		}
	}
	for _, s := range []string{
		"С 28.11.2026 18.00 до 30.11.2026 09.00", "2026-11-28 18 часов, дом 5", "28/11/2026-30/11/2026", "43.2389490, 76.8897090", "Сумма 1 200 000 тенге", "кв. 12, 15.30–16.45",
		"Крайняя точка улицы. Ком. хозяйство", "Собака у дома 5", "ул. Абая. Рядом школа", "Звоните 109", "Номер 12-345-67", "Это так. Me too", "Стоит столб . Рядом яма",
		"пн-пт 9.00-18.00 (13.00-14.00)", "Часы 09:00–18:00, 10:00–14:00", "Выделено 1 250 000 000 тенге", "15 000-20 000 тенге", "Отключение 12.05-20.05 2026", "Ответ ЖТ-2026-01234567", "дома 12, 14, 16, 18, 20, 22",
	} {
		if got := private(s); len(got) != 0 {
			t.Errorf("%q is taken for %q", s, got)
		}
		if got := Masked(s); got != s {
			t.Errorf("%q is masked: %q", s, got)
		}
	}
	if got, want := Masked("Тел. 8.700.123.45.67, city точка кз, 109"), "Тел. ███, ███, 109"; got != want {
		t.Errorf("masked %q, want %q", got, want)
	}
}

// TestMayBeSpelled: whatever the expression finds has a sign that is looked for first.
func TestMayBeSpelled(t *testing.T) {
	pieces := strings.Fields("a kz ru Ком . , @ AT dot DOT точка Нүкте чекит nuqta нуқта NOKAT nokat собака ſobaka Sobaka ᲃобака тᲂчка ( ) [ ] { } https hxxp :// / // www WWW t wa т me ме -")
	pieces = append(pieces, " ", " ", "  ", "\n")
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 50_000 {
		var b strings.Builder
		for range 1 + r.IntN(9) {
			b.WriteString(pieces[r.IntN(len(pieces))])
			if r.IntN(2) == 0 {
				b.WriteByte(' ')
			}
		}
		if spelled.MatchString(b.String()) {
			if found++; !mayBeSpelled(b.String()) {
				t.Fatalf("%q is not looked at", b.String())
			}
		}
	}
	if found < 1000 {
		t.Fatalf("only %d were found", found)
	}
}

// TestReference: an authority's number is that alone.
func TestReference(t *testing.T) {
	for _, s := range []string{"17", "Ю-17/2026", "W-77", "ЖТ-2026-01234567", "№ 12/4", "2026.11.3", "100234567"} {
		if got := MaskedNumber(s); got != s {
			t.Errorf("%q is masked: %q", s, got)
		}
	}
	for _, s := range []string{"Иванов И., +7 701 123 45 67, https://t.me/ivanov", "t.me/ivanov", "Иванов", "8-701-123-45-67", "87011234567", "7011234567", "900101300123", "Иванов 17", "@ivanov1"} {
		if got := MaskedNumber(s); got != Black {
			t.Errorf("%q stays %q", s, got)
		}
		m := Move{To: Registered, By: ByOfficial, Number: s}
		if err := m.check(Report, Delivered, authority.Category{}, "2026-11-28"); !errors.Is(err, fault.Invalid("lane.reference")) {
			t.Errorf("registered as %q: %v", s, err)
		}
	}
}
