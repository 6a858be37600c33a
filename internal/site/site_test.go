package site

import (
	"os"
	"testing"

	"kua/internal/record"
)

func TestShow(t *testing.T) {
	p := newPublisher(t)
	var rs []record.Record
	for n := 1; n <= 120; n++ {
		rs = append(rs, p.c.record(n))
	}
	p.publish(rs...)
	if dir := os.Getenv("KUA_SITE_OUT"); dir != "" {
		os.RemoveAll(dir)
		if err := os.Rename(p.tree(), dir); err != nil {
			t.Fatal(err)
		}
	}
}
