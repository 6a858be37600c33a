package lanedb

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"kua/internal/fault"
	"kua/internal/sqldb"
)

// chunkRows is how many rows are compared and copied at a time by the first pass,
// and fewRows by those behind Anew, of which later ones look at some alone; more only
// where many have the same first key.
const (
	chunkRows = 2000
	fewRows   = 250
)

// maxParams is below the most parameters that PostgreSQL takes.
const maxParams = 60000

// table is a table of the source, as its own schema describes it: a later step's
// table is moved without a line here.
type table struct {
	name    string
	columns []string // but for those that the database works out itself
	key     []string // the primary key
	text    bool     // its first column is text
	parents []string
	once    []once
}

// once is what no two rows of a table have in common, beside their key.
type once struct {
	columns []string
	free    string // gives a row of the target something that no other has
}

// Copied is one table of both databases, after a pass.
type Copied struct {
	Table          string
	Rows, Changed  int64
	Source, Target string // hex SHA-256 over all rows, in the order of their keys
}

// tablesOf gives the tables of a SQLite database, each behind those it refers to.
func tablesOf(ctx context.Context, db *sqldb.DB) ([]table, error) {
	rows, err := db.QueryContext(ctx, `SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name`)
	all, err := collect(rows, err, func(rows *sql.Rows, t *[2]string) error { return rows.Scan(&t[0], &t[1]) })
	if err != nil {
		return nil, err
	}
	var virtual, names []string
	for _, t := range all {
		if t[1] == "virtual" {
			virtual = append(virtual, t[0]+"_")
		}
	}
	for _, t := range all {
		shadow := slices.ContainsFunc(virtual, func(prefix string) bool { return strings.HasPrefix(t[0], prefix) })
		if t[1] == "table" && !shadow && !strings.HasPrefix(t[0], "sqlite_") && t[0] != "schema_version" && t[0] != "mark" && !ledgerOwn(t[0]) {
			names = append(names, t[0])
		}
	}
	found := map[string]table{}
	for _, name := range names {
		if found[name], err = tableOf(ctx, db, name); err != nil {
			return nil, err
		}
	}
	var ordered []table
	placed := map[string]bool{}
	for len(ordered) < len(names) {
		before := len(ordered)
		for _, name := range names {
			waits := slices.ContainsFunc(found[name].parents, func(p string) bool { return !placed[p] && p != name })
			if !placed[name] && !waits {
				ordered, placed[name] = append(ordered, found[name]), true
			}
		}
		if len(ordered) == before {
			return nil, fmt.Errorf("the tables %v refer to each other in a ring", names)
		}
	}
	return ordered, nil
}

func tableOf(ctx context.Context, db *sqldb.DB, name string) (t table, err error) {
	type column struct {
		name, kind string
		key        int
	}
	t.name = name
	rows, err := db.QueryContext(ctx, `SELECT name, type, pk FROM pragma_table_xinfo($1) WHERE hidden = 0 ORDER BY cid`, name)
	all, err := collect(rows, err, func(rows *sql.Rows, c *column) error { return rows.Scan(&c.name, &c.kind, &c.key) })
	if err != nil {
		return t, err
	}
	for _, c := range all {
		t.columns = append(t.columns, c.name)
	}
	keys := slices.DeleteFunc(all, func(c column) bool { return c.key == 0 })
	slices.SortFunc(keys, func(a, b column) int { return a.key - b.key })
	if len(keys) == 0 {
		return t, fmt.Errorf("table %s has no primary key", name)
	}
	for _, c := range keys {
		t.key = append(t.key, c.name)
	}
	t.text = keys[0].kind == "TEXT"
	rows, err = db.QueryContext(ctx, `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1)`, name)
	if t.parents, err = collect(rows, err, func(rows *sql.Rows, p *string) error { return rows.Scan(p) }); err != nil {
		return t, err
	}
	kinds := map[string]string{}
	for _, c := range all {
		kinds[c.name] = c.kind
	}
	rows, err = db.QueryContext(ctx, `SELECT i.name, c.name FROM pragma_index_list($1) i, pragma_index_info(i.name) c
		WHERE i."unique" = 1 AND i.origin <> 'pk' AND i.partial = 0 ORDER BY i.seq, c.seqno`, name)
	unique, err := collect(rows, err, func(rows *sql.Rows, c *[2]string) error { return rows.Scan(&c[0], &c[1]) })
	for i, c := range unique {
		if i == 0 || c[0] != unique[i-1][0] {
			t.once = append(t.once, once{})
		}
		o := &t.once[len(t.once)-1]
		o.columns = append(o.columns, c[1])
		switch {
		case kinds[c[1]] == "TEXT":
			o.free = c[1] + " = " + c[1] + " || ' ' || CAST(" + t.key[0] + " AS text)"
		case o.free == "" && kinds[t.key[0]] == "INTEGER":
			o.free = c[1] + " = -1 - " + t.key[0]
		}
	}
	return t, err
}

// byBytes is the first key in the order of its bytes, which is SQLite's, whatever
// language the target sorts in.
func (t table) byBytes() string {
	if t.text {
		return t.key[0] + ` COLLATE "C"`
	}
	return t.key[0]
}

func (t table) index() string { return "moving_" + t.name }

// ready gives the target what a pass finds its rows by; unready takes it away.
func (m *Move) ready(ctx context.Context) error {
	return m.eachText(ctx, func(t table) string {
		return `CREATE INDEX IF NOT EXISTS ` + t.index() + ` ON ` + t.name + ` (` + t.byBytes() + `)`
	})
}

func (m *Move) unready(ctx context.Context) error {
	return m.eachText(ctx, func(t table) string { return `DROP INDEX IF EXISTS ` + t.index() })
}

func (m *Move) eachText(ctx context.Context, statement func(table) string) error {
	for _, t := range m.tables {
		if !t.text {
			continue
		}
		if err := m.write(ctx, func(ctx context.Context, tx *sql.Tx) error { _, err := tx.ExecContext(ctx, statement(t)); return err }); err != nil {
			return err
		}
	}
	return nil
}

// setIdentity lets the numbers that the target gives itself begin above those that came.
func (t table) setIdentity(ctx context.Context, tx *sql.Tx) error {
	if t.text || len(t.key) > 1 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT setval(s, (SELECT COALESCE(max(`+t.key[0]+`), 0) + 1 FROM `+t.name+`), false)
		FROM pg_get_serial_sequence($1, $2) s WHERE s IS NOT NULL`, t.name, t.key[0])
	return err
}

// rows are rows of a chunk by their keys, each as its values.
type rows map[string][]any

// sum is the digest of rows in the order of their keys' canonical bytes.
func (r rows) sum() []byte {
	h := sha256.New()
	keys := make([]string, 0, len(r))
	for k := range r {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		h.Write(canonical(r[k]))
	}
	return h.Sum(nil)
}

// canonical writes values one way for both engines: a letter for the kind, the
// length, the bytes.
func canonical(values []any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b.WriteByte('n')
		case int64:
			fmt.Fprintf(&b, "i%d;", v)
		case string:
			fmt.Fprintf(&b, "s%d:%s", len(v), v)
		case []byte:
			fmt.Fprintf(&b, "b%d:", len(v))
			b.Write(v)
		default:
			fmt.Fprintf(&b, "%T%v;", v, v)
		}
	}
	return b.Bytes()
}

// span is a range of first keys: above from (nil: from the first), to to included (nil: to the last).
type span struct{ from, to any }

func (t table) within(s span, key string) (where string, args []any) {
	where = "true"
	if s.from != nil {
		args = append(args, s.from)
		where += fmt.Sprintf(" AND %s > $%d", key, len(args))
	}
	if s.to != nil {
		args = append(args, s.to)
		where += fmt.Sprintf(" AND %s <= $%d", key, len(args))
	}
	return where, args
}

func (t table) read(ctx context.Context, q querier, s span, key string) (rows, error) {
	where, args := t.within(s, key)
	found, err := q.QueryContext(ctx, `SELECT `+strings.Join(t.columns, ", ")+` FROM `+t.name+` WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	all := rows{}
	for found.Next() {
		values, into := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		all[string(canonical(t.keyOf(values)))] = values
	}
	return all, found.Err()
}

func (t table) keyOf(values []any) (key []any) { return t.of(t.key, values) }

func (t table) of(columns []string, values []any) (some []any) {
	for _, c := range columns {
		some = append(some, values[slices.Index(t.columns, c)])
	}
	return some
}

// giveWay has rows of the target give up what only one row can have and rows that
// are to be written have under another key: the source has it there no more, so
// that a later chunk, or the end of the pass, writes or takes away those that gave it up.
func (t table) giveWay(ctx context.Context, tx *sql.Tx, some [][]any) error {
	for _, o := range t.once {
		if o.free == "" { // no text and no number of its own: the writing will say so
			continue
		}
		var given, whole [][]any
		for _, values := range some {
			mine := t.of(o.columns, values)
			given, whole = append(given, mine), append(whole, append(slices.Clone(mine), t.keyOf(values)...))
		}
		var p placeholders
		columns := strings.Join(o.columns, ", ")
		if _, err := tx.ExecContext(ctx, `UPDATE `+t.name+` SET `+o.free+` WHERE (`+columns+`) IN (`+p.rows(given)+`) AND (`+columns+`, `+strings.Join(t.key, ", ")+`) NOT IN (`+p.rows(whole)+`)`,
			p.args...); err != nil {
			return err
		}
	}
	return nil
}

// Pass makes the target what the source is at this moment, and says of each table
// how many rows it has, how many had to be changed, and the digests of both, read
// back. Of differing digests the fault is lane.move_differs. progress is called
// with the rows gone through.
//
// The first pass looks at everything, and each later one at the chunks that the
// ledger names, as long as it is this move's: of the others both sides were found
// the same, and nobody but this move writes into the target.
func (m *Move) Pass(ctx context.Context, progress func(rows int64)) ([]Copied, error) {
	at, err := m.from.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one moment of the source; nobody waits for it
	if err != nil {
		return nil, err
	}
	defer at.Rollback()
	written, end, ours, err := m.written(ctx, at, m.seen)
	if err != nil {
		return nil, fmt.Errorf("read what was written meanwhile: %w", err)
	}
	if !ours {
		m.kept = nil
	}
	m.Partly, m.words, m.files, m.Gone = m.kept != nil, map[int64]bool{}, map[string]bool{}, nil
	before := m.kept
	m.kept = nil // until this pass is whole
	passes := make([]*pass, len(m.tables))
	for i, t := range m.tables {
		passes[i] = &pass{m: m, at: at, table: t, source: sha256.New()}
		err := error(nil)
		if before == nil {
			err = passes[i].fill(ctx, span{}, progress)
		} else {
			err = passes[i].refill(ctx, before[t.name], written[t.name], progress)
		}
		if err != nil {
			return nil, fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	for _, p := range slices.Backward(passes) { // whoever refers goes before what it refers to
		if err := p.clear(ctx); err != nil {
			return nil, fmt.Errorf("take from %s what is gone: %w", p.name, err)
		}
	}
	var all []Copied
	kept := map[string][]chunk{}
	for _, p := range passes {
		c, err := p.check(ctx)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", p.name, err)
		}
		all, kept[p.name] = append(all, c), p.chunks
	}
	if ours {
		m.kept, m.seen = kept, end
	}
	return all, nil
}

// pass is the copying of one table.
type pass struct {
	table
	m      *Move
	at     *sql.Tx
	source hash.Hash
	chunks []chunk
	gone   [][]any // keys of rows that the source has no more
	n      int64
	differ int64
}

// chunk is a range that was copied; target is nil where it must be read again.
type chunk struct {
	span
	rows           int64
	source, target []byte
}

// fill copies a range, in chunks.
func (p *pass) fill(ctx context.Context, whole span, progress func(int64)) error {
	for next := whole; ; {
		last, err := p.end(ctx, next.from, whole.to)
		if err != nil {
			return err
		}
		if next.to = last; last == nil {
			next.to = whole.to
		}
		n, err := p.fillChunk(ctx, next)
		if err != nil {
			return err
		}
		p.n += n
		progress(n)
		if last == nil {
			return nil
		}
		next.from = last
	}
}

// refill copies those chunks of an earlier pass anew in which keys lie that were
// written since.
func (p *pass) refill(ctx context.Context, before []chunk, keys []any, progress func(int64)) error {
	if !ofOneKind(before, keys) {
		return p.fill(ctx, span{}, progress)
	}
	slices.SortFunc(keys, compareKeys)
	for _, c := range before {
		touched := 0
		for touched < len(keys) && (c.to == nil || compareKeys(keys[touched], c.to) <= 0) {
			touched++
		}
		if keys = keys[touched:]; touched > 0 {
			if err := p.fill(ctx, c.span, progress); err != nil {
				return err
			}
			continue
		}
		p.source.Write(c.source)
		p.chunks, p.n = append(p.chunks, c), p.n+c.rows
		progress(c.rows)
	}
	return nil
}

// ofOneKind reports keys that can be held against where chunks end: all of them
// numbers, or all texts.
func ofOneKind(before []chunk, keys []any) bool {
	kinds := map[string]bool{}
	for _, k := range keys {
		kinds[fmt.Sprintf("%T", k)] = true
	}
	for _, c := range before {
		if c.to != nil {
			kinds[fmt.Sprintf("%T", c.to)] = true
		}
	}
	return len(kinds) == 0 || len(kinds) == 1 && (kinds["int64"] || kinds["string"])
}

// compareKeys orders first keys as SQLite does: numbers, or texts by their bytes.
func compareKeys(a, b any) int {
	if n, ok := a.(int64); ok {
		return cmp.Compare(n, b.(int64))
	}
	return strings.Compare(a.(string), b.(string))
}

// end gives the first key with which a chunk is full, nil behind the last that is
// not above to.
func (p *pass) end(ctx context.Context, from, to any) (last any, err error) {
	where, args := p.within(span{from, to}, p.key[0])
	args = append(args, p.m.atOnce)
	err = p.at.QueryRowContext(ctx, `SELECT `+p.key[0]+` FROM `+p.name+` WHERE `+where+` ORDER BY `+p.key[0]+fmt.Sprintf(` LIMIT 1 OFFSET $%d`, len(args)), args...).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return last, err
}

func (p *pass) fillChunk(ctx context.Context, s span) (int64, error) {
	want, err := p.read(ctx, p.at, s, p.key[0])
	if err != nil {
		return 0, err
	}
	have, err := p.read(ctx, p.m.to, s, p.byBytes())
	if err != nil {
		return 0, err
	}
	sum := want.sum()
	p.source.Write(sum)
	var missing [][]any
	for key, values := range want {
		if kept, there := have[key]; !there || !bytes.Equal(canonical(kept), canonical(values)) {
			missing = append(missing, values)
		}
	}
	gone := 0
	for key, values := range have {
		if _, there := want[key]; !there {
			gone++
			p.gone = append(p.gone, p.keyOf(values))
			if p.name == "picture_file" {
				p.m.Gone = append(p.m.Gone, p.keyOf(values)[0].(string))
			}
		}
	}
	c := chunk{span: s, rows: int64(len(want)), source: sum}
	p.m.Compared += c.rows
	if len(missing)+gone == 0 {
		c.target = have.sum()
	}
	p.chunks = append(p.chunks, c)
	p.differ += int64(len(missing) + gone)
	return int64(len(want)), p.put(ctx, missing)
}

// put writes rows, over those with the same keys.
func (p *pass) put(ctx context.Context, missing [][]any) error {
	if len(missing) == 0 {
		return nil
	}
	var set []string
	for _, c := range p.columns {
		if !slices.Contains(p.key, c) {
			set = append(set, c+" = excluded."+c)
		}
	}
	over := " DO NOTHING"
	if len(set) > 0 {
		over = " DO UPDATE SET " + strings.Join(set, ", ")
	}
	return p.m.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for some := range slices.Chunk(missing, min(500, maxParams/len(p.columns))) {
			if err := p.giveWay(ctx, tx, some); err != nil {
				return err
			}
			var given placeholders
			if _, err := tx.ExecContext(ctx, `INSERT INTO `+p.name+` (`+strings.Join(p.columns, ", ")+`) VALUES `+given.rows(some)+
				` ON CONFLICT (`+strings.Join(p.key, ", ")+`)`+over, given.args...); err != nil {
				return err
			}
			if p.name == "picture_file" {
				for _, values := range some {
					p.m.files[p.keyOf(values)[0].(string)] = true
				}
			}
			if p.name != "request" && p.name != "event" { // an event may bring words to find its request by
				continue
			}
			var ids [][]any
			for _, values := range some {
				ids = append(ids, p.keyOf(values)[:1])
				p.m.words[p.keyOf(values)[0].(int64)] = true
			}
			var gone placeholders
			if _, err := tx.ExecContext(ctx, `DELETE FROM request_words WHERE rowid IN (`+gone.rows(ids)+`)`, gone.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *pass) clear(ctx context.Context) error {
	if len(p.gone) == 0 {
		return nil
	}
	return p.m.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for some := range slices.Chunk(p.gone, 500) {
			var gone placeholders
			places := gone.rows(some)
			if p.name == "request" {
				if _, err := tx.ExecContext(ctx, `DELETE FROM request_words WHERE rowid IN (`+places+`)`, gone.args...); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+p.name+` WHERE (`+strings.Join(p.key, ", ")+`) IN (`+places+`)`, gone.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// check reads back what was changed and compares the whole.
func (p *pass) check(ctx context.Context) (Copied, error) {
	target := sha256.New()
	for i, c := range p.chunks {
		if c.target == nil {
			now, err := p.read(ctx, p.m.to, c.span, p.byBytes())
			if err != nil {
				return Copied{}, err
			}
			c.target = now.sum()
			p.chunks[i].target = c.target
		}
		target.Write(c.target)
	}
	done := Copied{Table: p.name, Rows: p.n, Changed: p.differ, Source: hex.EncodeToString(p.source.Sum(nil)), Target: hex.EncodeToString(target.Sum(nil))}
	n := done.Rows
	if !p.m.Partly { // else all is between two chunks that were counted
		if err := p.m.to.QueryRowContext(ctx, `SELECT count(*) FROM `+p.name).Scan(&n); err != nil {
			return done, err
		}
	}
	if n != done.Rows || done.Source != done.Target {
		return done, fault.Corrupt("lane.move_differs", p.name, done.Rows, n)
	}
	return done, nil
}
