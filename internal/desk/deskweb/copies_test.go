package deskweb

import (
	"os"
	"path/filepath"
	"testing"

	"kua/internal/watch"
)

// TestHomeTellsOfLostCopies shows on the first page that a copy was taken down, where
// it still is and what to do; and says so when the diary cannot be read.
func TestHomeTellsOfLostCopies(t *testing.T) {
	r := newRoom(t)
	dir := filepath.Join(r.app.cfg.Desk.Dir, "copies")
	list, err := watch.CopiesBytes([]watch.Copy{{Record: "000001", Kind: "vk", URL: "https://vk.example/1", Words: []string{"000001"}}})
	check(t, err)
	diary := must(watch.OpenDiary(dir))
	check(t, os.WriteFile(filepath.Join(dir, watch.ListFile), list, 0o600))
	_, err = diary.Add(watch.Observation{Kind: "kua observation", At: "2026-11-21T08:00:00Z", Record: "000001", URL: "https://vk.example/1", Result: watch.Removed, Place: watch.Hidden("here")})
	check(t, err)
	p := r.signedIn("Aigul")
	p.get("/en/")
	p.sees("Copies that are not what they were", "https://vk.example/1: removed there", "Put it up again")
	check(t, os.WriteFile(filepath.Join(dir, watch.DiaryFile), []byte("{}\n"), 0o600))
	p.get("/en/")
	p.sees("was changed: line 1")
}
