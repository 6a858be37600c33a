package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
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
		l, err := a.openLane(t.Context(), lane.Config{Dir: t.TempDir()}, laneAt{})
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

// TestNodeWithoutItsBucket: a node whose store of pictures cannot be used does not
// start without it.
func TestNodeWithoutItsBucket(t *testing.T) {
	a, err := newApp(nil, io.Discard, io.Discard, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]*fault.Fault{
		"s3://":                     fault.Invalid("blob.s3_url"),
		"s3+http://127.0.0.1:1/any": fault.NotFound("blob.s3_unreachable"),
	} {
		ctx, stop := context.WithTimeout(t.Context(), time.Second) // the client tries again for a while
		defer stop()
		if l, err := a.openLane(ctx, lane.Config{Dir: t.TempDir()}, laneAt{pictures: address}); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v, want %s", address, l, err, want.Key)
		}
	}
}
