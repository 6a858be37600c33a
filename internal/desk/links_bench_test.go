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

// BenchmarkAlike compares a film of a minute with 10 000 films of a minute in
// the desk's encrypted database, and prints how long that is against reading
// the same rows and nothing else.
func BenchmarkAlike(b *testing.B) {
	ctx := context.Background()
	c := newCollective(b)
	d := c.open(c.aigul)
	db := d.db.SQL()
	const films = 10_000
	_, err := db.ExecContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO parcels (number, id, size, pieces, stage, day) SELECT i, 'p' || i, 1, 1, 'whole', '2026-11-20' FROM n`, films)
	ok(b, err)
	_, err = db.ExecContext(ctx, `INSERT INTO originals (id, parcel, path, name, type, size, start, sha256, salt, medium)
		SELECT number, number, 'a', 'a', 'a', 1, 1, 'a', x'00', '{"kind":"film"}' FROM parcels`)
	ok(b, err)
	r := rand.New(rand.NewPCG(1, 2))
	tx, err := db.BeginTx(ctx, nil)
	ok(b, err)
	for i := range films {
		_, err := tx.ExecContext(ctx, `INSERT INTO prints (original, plain) VALUES (?1, ?2)`, i+1, chanceFilm(r, 60).Plain())
		ok(b, err)
	}
	ok(b, tx.Commit())
	mine := chanceFilm(r, 60)
	var compared, read time.Duration
	for b.Loop() {
		start := time.Now()
		found, err := d.alike(ctx, films+1, mine)
		ok(b, err)
		if len(found) > 0 {
			b.Fatalf("%d films of chance are alike", len(found))
		}
		compared += time.Since(start)
		start = time.Now()
		n := 0
		ok(b, d.db.Prints(ctx, 0, func(_ int64, plain []byte) error { n += len(plain); return nil }))
		read += time.Since(start)
	}
	b.ReportMetric(float64(compared.Milliseconds())/float64(b.N), "ms/film")
	b.ReportMetric(float64(compared)/float64(read), "×reading")
}
