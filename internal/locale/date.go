package locale

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// months are as Unicode CLDR 44 writes them: in the form that stands beside a
// day, and alone where a language tells the two apart.
var months = map[Tag][12]string{
	Kazakh:  {"қаңтар", "ақпан", "наурыз", "сәуір", "мамыр", "маусым", "шілде", "тамыз", "қыркүйек", "қазан", "қараша", "желтоқсан"},
	Kyrgyz:  {"январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"},
	Uzbek:   {"yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avgust", "sentabr", "oktabr", "noyabr", "dekabr"},
	Tajik:   {"январи", "феврали", "марти", "апрели", "майи", "июни", "июли", "августи", "сентябри", "октябри", "ноябри", "декабри"},
	Turkmen: {"ýanwar", "fewral", "mart", "aprel", "maý", "iýun", "iýul", "awgust", "sentýabr", "oktýabr", "noýabr", "dekabr"},
	Russian: {"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"},
	English: {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
}

var monthsAlone = map[Tag][12]string{
	Tajik:   {"январ", "феврал", "март", "апрел", "май", "июн", "июл", "август", "сентябр", "октябр", "ноябр", "декабр"},
	Russian: {"январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"},
}

// dates place year, month name and day.
var dates = map[Tag]string{
	Kazakh: "%[1]d ж. %[3]d %[2]s", Kyrgyz: "%[1]d-ж., %[3]d-%[2]s", Uzbek: "%[3]d-%[2]s, %[1]d",
	Tajik: "%[3]d %[2]s %[1]d", Turkmen: "%[3]d %[2]s %[1]d", Russian: "%[3]d %[2]s %[1]d", English: "%[3]d %[2]s %[1]d",
}

var yearMonths = map[Tag]string{
	Kazakh: "%[1]d ж. %[2]s", Kyrgyz: "%[1]d-ж., %[2]s", Uzbek: "%[2]s, %[1]d",
	Tajik: "%[2]s %[1]d", Turkmen: "%[2]s %[1]d", Russian: "%[2]s %[1]d", English: "%[2]s %[1]d",
}

// Date writes a day given as 2006-01-02, or a month given as 2006-01, the way
// people of the language write it, month by name, so that nobody can take a day
// for a month. Anything else is given back as it is.
func (t Tag) Date(day string) string {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return t.Month(day)
	}
	if t.Automatic() {
		return Cyrillic(t.Source().Date(day))
	}
	return fmt.Sprintf(dates[t], d.Year(), months[t][d.Month()-1], d.Day())
}

// Month writes a month given as 2006-01 and gives anything else back as it is.
func (t Tag) Month(month string) string {
	d, err := time.Parse("2006-01", month)
	if err != nil {
		return month
	}
	if t.Automatic() {
		return Cyrillic(t.Source().Month(month))
	}
	alone, ok := monthsAlone[t]
	if !ok {
		alone = months[t]
	}
	return fmt.Sprintf(yearMonths[t], d.Year(), alone[d.Month()-1])
}

// Decimal writes a number with the given digits after the language's decimal
// sign: a point in English, a comma in all the others.
func (t Tag) Decimal(x float64, digits int) string {
	s := strconv.FormatFloat(x, 'f', digits, 64)
	if t == English {
		return s
	}
	return strings.Replace(s, ".", ",", 1)
}
