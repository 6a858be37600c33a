package lanedb

import (
	"context"
	"fmt"
	"strings"
)

// PostgreSQL's index of words knows no order: whoever wants the newest reports with a word
// gathers all that have it. So each word stands there behind the shelf of its request, which
// is one of some consecutive ids. What is looked for is gathered out of one shelf after another.
const (
	shelfSize    = 1 << 16
	shelfLetters = 4
)

// shelf is the mark of a request's shelf: letters, so that it and a word are one word.
func shelf(id int64) string {
	var mark [shelfLetters]byte
	for n, i := id/shelfSize, shelfLetters-1; i >= 0; n, i = n/26, i-1 {
		mark[i] = 'a' + byte(n%26)
	}
	return string(mark[:])
}

// shelved are the words of a request as its engine's index has them.
func (db *DB) shelved(id int64, search string) string {
	if !db.postgres {
		return search
	}
	return onShelf(id, search)
}

func onShelf(id int64, search string) string {
	words, mark := strings.Fields(search), shelf(id)
	for i, w := range words {
		words[i] = mark + w
	}
	return strings.Join(words, " ")
}

// shelfQuery gives PostgreSQL's query for requests on the shelves of two ids and those
// between them in which each of some words begins one.
func shelfQuery(words []string, first, last int64) string {
	var shelves []string
	for at := first / shelfSize; at <= last/shelfSize; at++ {
		mark := shelf(at * shelfSize)
		var all []string
		for _, w := range words {
			all = append(all, "'"+mark+w+"':*")
		}
		shelves = append(shelves, strings.Join(all, " & "))
	}
	return strings.Join(shelves, " | ")
}

// ends gives the lowest and the highest request that has words; 0 and 0 without any.
func (db *DB) ends(ctx context.Context) (lowest, highest int64, err error) {
	err = db.db.byKey().QueryRowContext(ctx, `SELECT COALESCE((SELECT rowid FROM request_words ORDER BY rowid LIMIT 1), 0), COALESCE((SELECT rowid FROM request_words ORDER BY rowid DESC LIMIT 1), 0)`).
		Scan(&lowest, &highest)
	if err != nil {
		return 0, 0, fmt.Errorf("find the ends of the search: %w", err)
	}
	return lowest, highest, nil
}
