package site

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"kua/internal/locale"
)

// The index of words: for each language a tree of small pages that a reader
// walks by letters, so that a search needs neither a script nor a server. A
// page holds the words that begin with its letters; when it grows too big it
// hands them on to pages with one letter more. A record touches one page for
// each of its words, however large the archive is.
const (
	maxWords    = 60  // words on a page
	maxPostings = 320 // record numbers on a page
	perWord     = 8   // record numbers shown for a word: the newest
	maxPrefix   = 32  // bytes of a prefix: what a file name can hold in hex
	minWord     = 2   // letters
)

// wordPage is one page of the tree. A branch leads on to longer prefixes and
// holds only the word that is its prefix; a leaf holds all words.
type wordPage struct {
	Branch bool               `json:"branch,omitempty"`
	Next   []string           `json:"next,omitempty"` // prefixes one letter longer
	Words  map[string]posting `json:"words,omitempty"`
}

type posting struct {
	Count   int      `json:"count"`
	Records []string `json:"records"` // newest first, at most perWord
}

// wordIndex holds the pages an update has touched.
type wordIndex struct {
	w     *workspace
	pages map[wordAt]*wordPage
}

type wordAt struct {
	lang   locale.Tag
	prefix string
}

func newWordIndex(w *workspace) *wordIndex {
	return &wordIndex{w: w, pages: make(map[wordAt]*wordPage)}
}

func (at wordAt) name() string {
	if at.prefix == "" {
		return "index"
	}
	return hex.EncodeToString([]byte(at.prefix))
}

func (at wordAt) state() string {
	return fmt.Sprintf("data/words/%s/%s.json", at.lang.Path(), at.name())
}

// address is the page, without the language; the tree's root is the search page.
func (at wordAt) address() string {
	if at.prefix == "" {
		return "/search.html"
	}
	return "/words/" + at.name() + ".html"
}

func (x *wordIndex) open(at wordAt) (*wordPage, error) {
	if p := x.pages[at]; p != nil {
		return p, nil
	}
	p := new(wordPage)
	if err := x.w.load(at.state(), p); err != nil {
		return nil, err
	}
	if at.prefix == "" {
		p.Branch = true
	}
	if p.Words == nil {
		p.Words = make(map[string]posting)
	}
	x.pages[at] = p
	return p, nil
}

// openAll opens a page and all that it leads to.
func (x *wordIndex) openAll(at wordAt) error {
	p, err := x.open(at)
	if err != nil {
		return err
	}
	for _, next := range p.Next {
		if err := x.openAll(wordAt{at.lang, next}); err != nil {
			return err
		}
	}
	return nil
}

// walk finds the page that holds word, or should.
func (x *wordIndex) walk(lang locale.Tag, word string, grow bool) (*wordPage, wordAt, error) {
	at := wordAt{lang, ""}
	for {
		p, err := x.open(at)
		if err != nil || !p.Branch || at.prefix == word {
			return p, at, err
		}
		next := longer(word, at.prefix)
		i, found := slices.BinarySearch(p.Next, next)
		if !found && !grow {
			return p, at, nil
		}
		if !found {
			p.Next = slices.Insert(p.Next, i, next)
		}
		at.prefix = next
	}
}

// longer is the prefix of word that is one letter longer than prefix.
func longer(word, prefix string) string {
	_, n := utf8.DecodeRuneInString(word[len(prefix):])
	return word[:len(prefix)+n]
}

// add puts a record under each of its words.
func (x *wordIndex) add(lang locale.Tag, words []string, id string) error {
	for _, word := range words {
		p, at, err := x.walk(lang, word, true)
		if err != nil {
			return err
		}
		post := p.Words[word]
		if slices.Contains(post.Records, id) {
			continue
		}
		post.Count++
		post.Records = append([]string{id}, post.Records...)
		slices.SortFunc(post.Records, func(a, b string) int { return byID(entry{ID: b}, a) })
		post.Records = post.Records[:min(len(post.Records), perWord)]
		p.Words[word] = post
		if err := x.split(p, at); err != nil {
			return err
		}
	}
	return nil
}

// drop takes a record away from words it was added under.
func (x *wordIndex) drop(lang locale.Tag, words []string, id string) error {
	for _, word := range words {
		p, _, err := x.walk(lang, word, false)
		if err != nil {
			return err
		}
		post, ok := p.Words[word]
		if !ok {
			continue
		}
		post.Count--
		post.Records = slices.DeleteFunc(post.Records, func(r string) bool { return r == id })
		if post.Count <= 0 {
			delete(p.Words, word)
		} else {
			p.Words[word] = post
		}
	}
	return nil
}

// split turns a leaf that has grown too big into a branch.
func (x *wordIndex) split(p *wordPage, at wordAt) error {
	postings := 0
	for _, post := range p.Words {
		postings += len(post.Records)
	}
	if p.Branch || len(p.Words) <= 1 || len(p.Words) <= maxWords && postings <= maxPostings || len(at.prefix)+utf8.UTFMax > maxPrefix {
		return nil
	}
	all := p.Words
	p.Branch, p.Words = true, make(map[string]posting)
	for _, word := range slices.Sorted(maps.Keys(all)) {
		if word == at.prefix {
			p.Words[word] = all[word]
			continue
		}
		next := longer(word, at.prefix)
		child, err := x.open(wordAt{at.lang, next})
		if err != nil {
			return err
		}
		child.Words[word] = all[word]
		if i, found := slices.BinarySearch(p.Next, next); !found {
			p.Next = slices.Insert(p.Next, i, next)
		}
	}
	for _, next := range p.Next {
		if err := x.split(x.pages[wordAt{at.lang, next}], wordAt{at.lang, next}); err != nil {
			return err
		}
	}
	return nil
}

// wordsOf gives the distinct words by which a reader of a language finds a
// record: those of the title and the place as that reader sees them.
func wordsOf(lang locale.Tag, e entry) []string {
	if e.Withdrawn {
		return nil
	}
	var all []string
	for _, text := range []map[string]string{e.Title, e.Place} {
		words, _ := lang.Text(text)
		for _, w := range locale.Words(words) {
			if utf8.RuneCountInString(w) >= minWord {
				all = append(all, cutWord(w))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// cutWord shortens a word to what a prefix can hold.
func cutWord(w string) string {
	for len(w) > maxPrefix {
		_, n := utf8.DecodeLastRuneInString(w)
		w = w[:len(w)-n]
	}
	return strings.Clone(w)
}
