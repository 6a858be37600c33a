package desk

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"kua/internal/likeness"
)

func chanceFilm(r *rand.Rand, seconds int) likeness.Prints {
	p := likeness.Prints{Length: int64(seconds) * 1000}
	for i := range seconds {
		f := likeness.Frame{At: int64(i) * 1000, Print: likeness.Print{Quality: 100}}
		for t := range f.Hashes {
			f.Hashes[t] = likeness.Hash{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
		}
		p.Frames = append(p.Frames, f)
	}
	return p
}

// BenchmarkAlike compares a film of a minute with 100 000 frames of older films
// in the desk's encrypted database, as often as the desk does it after it has
// once read them, and prints how long reading the rows takes, and looking at
// every pair of hashes in memory.
func BenchmarkAlike(b *testing.B) {
	ctx := context.Background()
	c := newCollective(b)
	d := c.open(c.aigul)
	db := d.db.SQL()
	const films, seconds = 1_667, 60
	_, err := db.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO parcels (number, id, size, pieces, stage, day) SELECT i, 'p' || i, 1, 1, 'whole', '2026-11-20' FROM n`, films)
	ok(b, err)
	_, err = db.ExecContext(ctx, `INSERT INTO originals (id, parcel, path, name, type, size, start, sha256, salt, medium)
		SELECT number, number, 'a', 'a', 'a', 1, 1, 'a', x'00', '{"kind":"film"}' FROM parcels`)
	ok(b, err)
	r := rand.New(rand.NewPCG(1, 2))
	tx, err := db.BeginTx(ctx, nil)
	ok(b, err)
	var hashes []likeness.Hash
	for i := range films {
		f := chanceFilm(r, seconds)
		for _, frame := range f.Frames {
			hashes = append(hashes, frame.Hashes[0])
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO prints (original, plain) VALUES (?1, ?2)`, i+1, f.Plain())
		ok(b, err)
	}
	ok(b, tx.Commit())
	mine := chanceFilm(r, seconds)
	var first, compared, read, pairs time.Duration
	timed := func(into *time.Duration, do func()) {
		begun := time.Now()
		do()
		*into += time.Since(begun)
	}
	alike := func() {
		found, err := d.alike(ctx, films+1, mine)
		ok(b, err)
		if len(found) > 0 {
			b.Fatalf("%d films of chance are alike", len(found))
		}
	}
	for b.Loop() {
		d.archive = nil
		timed(&first, alike)
		timed(&compared, alike)
		timed(&read, func() {
			n := 0
			ok(b, d.db.Prints(ctx, func(_ int64, plain []byte) error { n += len(plain); return nil }))
		})
		timed(&pairs, func() {
			for _, f := range mine.Frames {
				for _, h := range f.Hashes {
					for i := range hashes {
						if h.Distance(hashes[i]) <= likeness.MaxDistance {
							b.Fatal("films of chance are alike")
						}
					}
				}
			}
		})
	}
	for name, took := range map[string]time.Duration{"ms/film": compared, "ms/first-film": first, "ms/reading-rows": read, "ms/every-pair": pairs} {
		b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), name)
	}
}

// BenchmarkLinks asks what an original leads to among 10 000 that share ten
// weak marks with it, a thousand of them published.
func BenchmarkLinks(b *testing.B) {
	ctx := context.Background()
	c := newCollective(b)
	d := c.open(c.aigul)
	db := d.db.SQL()
	for _, q := range []string{
		`INSERT INTO cases (id, title, state, opened, changed, record) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, 'a', 'open', 0, 0, 'r' || i FROM n`,
		`INSERT INTO published (record, version, case_id, document) SELECT record, 1, id, x'00' FROM cases`,
		`INSERT INTO parcels (number, id, size, pieces, stage, day, case_id) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
			SELECT i, 'p' || i, 1, 1, 'whole', '2026-11-20', CASE WHEN i <= 1000 THEN i END FROM n`,
		`INSERT INTO originals (id, parcel, path, name, type, size, start, sha256, salt, medium)
			SELECT number, number, 'a', 'a', 'a', 1, 1, 'a', x'00', '{"kind":"film"}' FROM parcels`,
		`INSERT INTO marks (original, sealed, kind, weight) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
			SELECT id, CAST('mark ' || i AS BLOB), 'encoding', 'weak' FROM originals, n`,
	} {
		_, err := db.ExecContext(ctx, q)
		ok(b, err)
	}
	for b.Loop() {
		links, err := d.db.Links(ctx, 9999)
		ok(b, err)
		if len(links) != 30 {
			b.Fatalf("%d links", len(links))
		}
	}
}
