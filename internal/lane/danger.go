package lane

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"kua/internal/datafile"
	"kua/internal/locale"
)

//go:embed danger.yaml
var dangerFile []byte

// dangers are the beginnings of words, folded, by language.
var dangers = sync.OnceValues(func() (map[locale.Tag][]string, error) {
	var doc struct {
		Words map[locale.Tag][]string `yaml:"words"`
	}
	var problems datafile.Problems
	datafile.YAML("danger.yaml", dangerFile, &doc, &problems)
	for tag, words := range doc.Words {
		for i, w := range words {
			doc.Words[tag][i] = locale.Keyboard(locale.Fold(w))
		}
	}
	return doc.Words, problems.Err()
})

// Danger gives the words of a text that can mean that telling it in public is
// dangerous, as its writer wrote them but folded. It looks in the language of
// the form, and in Russian, which is typed into every form.
func Danger(text string, lang locale.Tag) ([]string, error) {
	lists, err := dangers()
	if err != nil {
		return nil, fmt.Errorf("the words of danger: %w", err)
	}
	// Uzbek in Cyrillic letters is compared with the list written so.
	looked := append([]string{}, lists[locale.Russian]...)
	if lang.Automatic() {
		for _, w := range lists[lang.Source()] {
			looked = append(looked, locale.Keyboard(locale.Fold(locale.Cyrillic(w))))
		}
	} else if lang != locale.Russian {
		looked = append(looked, lists[lang]...)
	}
	var found []string
	for _, word := range locale.Words(text) {
		typed := locale.Keyboard(word)
		for _, begin := range looked {
			if strings.HasPrefix(typed, begin) {
				found = append(found, word)
				break
			}
		}
	}
	return found, nil
}
