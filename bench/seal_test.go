//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kua/internal/charter"
)

// TestSeal compares kua seal with stock age on the same file and recipients.
// kua also writes hashes and padding and waits until the file is on the disk,
// so age is measured both as it is and followed by sync of its file.
func TestSeal(t *testing.T) {
	age := stockAge(t)
	dir := t.TempDir()
	film := filepath.Join(dir, "film.mp4")
	random(t, film, 1<<30)
	desk := filepath.Join(dir, "desk")
	output(t, kua, "charter", "init", "--dir", desk, "--name", "Bench (made up)", "--person", "a", "--person", "b", "--language", "en", "--origin", "kua.example/bench")
	chain, err := charter.ReadChain(os.DirFS(desk))
	if err != nil {
		t.Fatal(err)
	}
	c, err := chain.Verify("")
	if err != nil {
		t.Fatal(err)
	}
	var to []string
	for _, r := range c.Recipients() {
		to = append(to, "-r", r)
	}
	var plain, synced []float64
	var memory int64
	sealed, aged := filepath.Join(dir, "report.kua"), filepath.Join(dir, "film.age")
	sealIt := func() time.Duration {
		took, rss := run(t, dir, kua, "seal", "--charter-file", desk, "--what", "shooting", "--text", "made up", "--out", sealed, film)
		memory = max(memory, rss)
		return took
	}
	ageIt := func() (took, synced time.Duration) {
		took, _ = run(t, dir, age, append(to, "-o", aged, film)...)
		wait, _ := run(t, dir, "sync", aged)
		return took, took + wait
	}
	for n := range 6 {
		// Whoever writes second finds the page cache fuller: they take turns.
		var kuaTime, ageTime, ageSynced time.Duration
		if n%2 == 0 {
			kuaTime = sealIt()
			ageTime, ageSynced = ageIt()
		} else {
			ageTime, ageSynced = ageIt()
			kuaTime = sealIt()
		}
		plain = append(plain, ratio(kuaTime, ageTime))
		synced = append(synced, ratio(kuaTime, ageSynced))
		os.Remove(sealed)
		os.Remove(aged)
	}
	line("kua seal, 1 GiB / age + sync", fmt.Sprintf("%.2f (median of 6, from %.2f to %.2f)", median(synced), slices.Min(synced), slices.Max(synced)), "≤ 1.1")
	line("kua seal, 1 GiB / age, which does not wait for the disk", fmt.Sprintf("%.2f (median of 6, from %.2f to %.2f)", median(plain), slices.Min(plain), slices.Max(plain)), "–")
	line("kua seal, 1 GiB, memory", mib(memory), "≤ 64 MiB")
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
