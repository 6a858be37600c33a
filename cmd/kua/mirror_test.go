package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/edition/editiontest"
	"kua/internal/mirror"
	"kua/internal/verify"
)

// TestMirrorKilled kills the real program at many moments of a pull. Whatever is
// then there verifies as one edition or the other, or there is none yet; and the
// next pull ends the work.
func TestMirrorKilled(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 20)...)
	first := editiontest.Copy(t, c.Dir)
	c.Publish(t, c.Records(t, 15, 40)...)
	program := filepath.Join(t.TempDir(), "kua")
	if err := os.Symlink(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy")
	start := func(from string) *exec.Cmd {
		cmd := exec.Command(program, "mirror", "pull", to, "--from", from)
		cmd.Env = append(os.Environ(), "KUA_LANG=en")
		return cmd
	}
	whole := func(from string) time.Duration {
		begun := time.Now()
		var said bytes.Buffer
		cmd := start(from)
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, said.String())
		}
		return time.Since(begun)
	}
	checked := func() int {
		m, err := mirror.Look(to)
		if err != nil {
			return 0 // killed before anything was there
		}
		defer m.Close()
		s, err := m.Status(verify.Options{Now: editiontest.Now})
		if err != nil {
			t.Fatal(err)
		}
		if s.Edition == 0 {
			if _, err := os.Stat(filepath.Join(to, "log/checkpoint")); err == nil {
				t.Fatal("a checkpoint and no edition")
			}
			return 0
		}
		r, err := m.Verify(t.Context(), verify.Options{Now: editiontest.Now})
		if err != nil || r.Result != verify.OK {
			t.Fatalf("%v %+v", err, r.Findings)
		}
		return s.Edition
	}
	took := whole(first)
	cut := 0
	for i := range 9 {
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		if i%3 > 0 { // an update two times of three
			whole(first)
		}
		cmd := start(c.Dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(took * time.Duration(i+1) / 9)
		_ = cmd.Process.Kill() // it may have ended
		if cmd.Wait() != nil {
			cut++
		}
		checked()
	}
	whole(c.Dir)
	if e := checked(); e != 2 || cut == 0 {
		t.Errorf("edition %d after %d kills", e, cut)
	}
}
