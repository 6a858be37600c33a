package lanedb

import (
	"testing"

	"kua/internal/sqldb/pgtest"
)

// TestDaysOutOfOrder: what was taken over from another system has ids above and days
// before those of what was told here, and hides none of it from an alert.
func TestDaysOutOfOrder(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "", "postgres": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			db := filled(t, url)
			for id := int64(archived + 1); id < archived+500; id++ {
				if _, err := db.db.ExecContext(t.Context(), `INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day, source)
					VALUES ($1, 1, 'roads', 'ru', 'x', '{}', 'north', 'public', 0, '2015-05-05', 'old.example')`, id); err != nil {
					t.Fatal(err)
				}
			}
			for day, want := range map[string]int64{"2026-01-02": 99, "2026-03-22": 7_999, "2010-01-01": 0, "2030-01-01": archived + 499} {
				if below, err := db.SinceDay(t.Context(), day); err != nil || below != want {
					t.Errorf("SinceDay(%s) = %d, %v, want %d", day, below, err, want)
				}
			}
		})
	}
}

// TestMarkedLetters: FTS5 takes marks off Latin letters, and a longer word that is
// known hides none that begins so.
func TestMarkedLetters(t *testing.T) {
	db := filled(t, "")
	for _, statement := range []string{
		`DELETE FROM request_words WHERE rowid IN (1, 2)`,
		`INSERT INTO request_words (rowid, words) VALUES (1, 'köçesi'), (2, 'köçede')`,
		`INSERT INTO request_words_known VALUES ('köçede')`,
	} {
		if _, err := db.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	found, err := db.List(t.Context(), Filter{Words: []string{"köçe"}, Limit: 5}, []string{"awaiting_check"})
	if err != nil || len(found) != 2 {
		t.Errorf("%d of 2 are found, %v", len(found), err)
	}
}
