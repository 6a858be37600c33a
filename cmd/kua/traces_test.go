package main

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// photo FILE [ARTIST] makes a JPEG picture: bare, or with an artist, a date and
// a place. The artist ESC is one that would command a terminal.
func photo(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	ts.Check(jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 32, 24)), nil))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
	if len(args) < 2 {
		return
	}
	artist := strings.ReplaceAll(args[1], "ESC", "\x1b]0;owned\x07")
	out, err := exec.Command("exiftool", "-q", "-overwrite_original", "-EXIF:Artist="+artist, "-EXIF:ModifyDate=2024:05:01 12:00:00",
		"-GPSLatitude=42.5", "-GPSLatitudeRef=N", "-GPSLongitude=74.5", "-GPSLongitudeRef=E", ts.MkAbs(args[0])).CombinedOutput()
	if err != nil {
		ts.Fatalf("exiftool: %v\n%s", err, out)
	}
}

// exits CODE COMMAND… fails unless the command ends with this exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got := strconv.Itoa(code); got != args[0] {
		ts.Fatalf("ended with %s, want %s", got, args[0])
	}
}
