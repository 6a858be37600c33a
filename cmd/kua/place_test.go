package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"kua/internal/media"
)

// TestPlaceWithoutLinks places a clean file on a file system that has neither
// links nor rights, as a stick of FAT or exFAT: it comes whole, with its moment,
// never over another, and another trouble than that is told.
func TestPlaceWithoutLinks(t *testing.T) {
	a, err := newApp(nil, io.Discard, io.Discard, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	picture := bytes.Repeat([]byte("pixels "), 100_000)
	for _, refusal := range []error{syscall.EPERM, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		dir := t.TempDir()
		w := cleaning{app: a, cleanFlags: cleanFlags{out: dir}, placer: placer{
			link:  func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: refusal} },
			chmod: func(name string, _ os.FileMode) error { return &fs.PathError{Op: "chmod", Path: name, Err: refusal} },
		}}
		made := filepath.Join(t.TempDir(), "jpeg.jpg")
		if err := os.WriteFile(made, picture, 0o600); err != nil {
			t.Fatal(err)
		}
		all := []media.Rendition{{Rung: "jpeg", Type: "image/jpeg", Path: made}}
		target, err := w.place(0, "a.jpg", media.Probe{Type: media.Photo}, all)
		if err != nil || target != filepath.Join(dir, "clean-1.jpg") {
			t.Fatalf("%v: placed as %s, %v", refusal, target, err)
		}
		got, err := os.ReadFile(target)
		info, err2 := os.Stat(target)
		if err != nil || err2 != nil || !bytes.Equal(got, picture) || !info.ModTime().Equal(cleanMoment) {
			t.Errorf("%v: %d bytes of %v; %v, %v", refusal, len(got), info, err, err2)
		}
		if err := os.WriteFile(target, []byte("somebody's own"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.place(0, "a.jpg", media.Probe{Type: media.Photo}, all); !errors.Is(err, os.ErrExist) {
			t.Errorf("%v: over what is there: %v", refusal, err)
		}
		if got, _ := os.ReadFile(target); string(got) != "somebody's own" {
			t.Errorf("%v: what was there is %d bytes now", refusal, len(got))
		}
	}
	full := placer{link: func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.ENOSPC} }}
	if err := full.put("a", filepath.Join(t.TempDir(), "b"), cleanMoment); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
}
