package locale

// Texts is one thing said in several languages, keyed by tag: names and
// sources that come from data and not from the catalogue.
type Texts map[string]string

// In gives the words in t, or in the language its reader most likely knows.
func (x Texts) In(t Tag) string {
	words, _ := t.Text(x)
	return words
}

// Sentence is a sentence of the catalogue that is not yet said in a language:
// a key and what fills it. An argument that is itself a Sentence, or that has a
// method In(Tag) string, is put into the reader's language as well.
type Sentence struct {
	Key  string `json:"key"`
	Args []any  `json:"args,omitempty"`
}

// Say makes a sentence; it reads better than a literal.
func Say(key string, args ...any) Sentence { return Sentence{Key: key, Args: args} }

// Say gives the sentence in a language.
func (c *Catalogue) Say(t Tag, s Sentence) string {
	args := make([]any, len(s.Args))
	for i, a := range s.Args {
		switch a := a.(type) {
		case Sentence:
			args[i] = c.Say(t, a)
		case interface{ In(Tag) string }:
			args[i] = a.In(t)
		default:
			args[i] = a
		}
	}
	return c.T(t, s.Key, args...)
}
