package desk

import (
	"os"
	"path/filepath"
	"testing"

	"kua/internal/watch"
)

// TestLostCopies watches two copies of a record at a desk: the one that is taken down
// is told with where the record still is, and the timeline goes out with the next
// edition and no sooner.
func TestLostCopies(t *testing.T) {
	c := newCollective(t)
	d := c.open(c.aigul)
	if lost, err := d.LostCopies(); err != nil || len(lost) != 0 {
		t.Errorf("a desk that watches nothing: %v, %v", lost, err)
	}
	copies := []watch.Copy{
		{Record: "000001", Kind: "vk", URL: "https://vk.example/1", Words: []string{"000001"}},
		{Record: "000001", Kind: "archive", URL: "https://archive.example/1", Words: []string{"000001"}},
	}
	b, err := watch.CopiesBytes(copies)
	ok(t, err)
	ok(t, os.MkdirAll(d.CopiesDir(), 0o700))
	ok(t, os.WriteFile(filepath.Join(d.CopiesDir(), watch.ListFile), b, 0o600))
	diary, err := watch.OpenDiary(d.CopiesDir())
	ok(t, err)
	seen := func(url, at, result string) watch.Observation {
		return watch.Observation{Kind: "kua observation", At: at, Record: "000001", URL: url, Result: result, Place: watch.Hidden("here")}
	}
	_, err = diary.Add(seen(copies[0].URL, "2026-11-21T08:00:00Z", watch.OK), seen(copies[1].URL, "2026-11-21T08:00:00Z", watch.OK),
		seen(copies[0].URL, "2026-11-22T08:00:00Z", watch.Removed))
	ok(t, err)
	lost, err := d.LostCopies()
	if err != nil || len(lost) != 1 || lost[0].URL != copies[0].URL || len(lost[0].Still) != 1 || lost[0].Still[0].URL != copies[1].URL {
		t.Fatalf("LostCopies = %+v, %v", lost, err)
	}

	published := func() string {
		c.publish(d)
		b, _ := os.ReadFile(filepath.Join(d.Tree(), "data", "fates.json"))
		return string(b)
	}
	if got := published(); got != "" {
		t.Errorf("a list that nobody made public was published: %s", got)
	}
	states, events, head, err := watch.Read(d.CopiesDir())
	ok(t, err)
	b, err = watch.Timeline(states, events, head).Bytes()
	ok(t, err)
	ok(t, os.WriteFile(filepath.Join(d.CopiesDir(), "timeline.json"), b, 0o600))
	if got := published(); got != string(b) {
		t.Errorf("published = %s, want %s", got, b)
	}
	ok(t, os.WriteFile(filepath.Join(d.CopiesDir(), watch.DiaryFile), []byte("{}\n"), 0o600))
	if _, err := d.LostCopies(); err == nil {
		t.Error("a broken diary is read")
	}
}
