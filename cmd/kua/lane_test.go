package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"kua/internal/fault"
)

// TestNodeWithoutTools: where photos cannot be cleaned the open lane takes none,
// says so at its start, and takes reports all the same.
func TestNodeWithoutTools(t *testing.T) {
	for _, has := range []bool{true, false} {
		if !has {
			t.Setenv("PATH", t.TempDir())
		}
		var out bytes.Buffer
		a, err := newApp(nil, &out, &out, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		l, err := a.openLane(t.Context(), t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if l.TakesPictures() != has || strings.Contains(out.String(), "without photos") == has {
			t.Errorf("with its tools: %v; it takes photos: %v, and says %q", has, l.TakesPictures(), out.String())
		}
		if _, err := l.AddPicture(t.Context(), strings.NewReader("x")); !has && !errors.Is(err, fault.Missing("lane.no_pictures")) {
			t.Errorf("a photo without tools: %v", err)
		}
	}
}
