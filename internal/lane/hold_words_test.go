package lane

import "testing"

// TestPrivateWords: telephones and links are found however they are written, and what
// ordinary reports say is not taken for one.
func TestPrivateWords(t *testing.T) {
	for _, s := range []string{
		"8.700.123.45.67", "8 700 1234567", "+7 (700) 123-45-67", "8/700/123/45/67", "8–700–123–45–67", "8_700_123_45_67", "8\u2009700\u2009123\u200945\u200967", "8.7001234567", "900101300123",
		"28.11.2026 8.700.123.45.67",
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
