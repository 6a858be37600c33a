package media

import "kua/internal/fault"

var errNotReady = fault.Missing("media.missing", "ffmpeg")

// Check reports whether everything that media needs is on this machine.
func Check() error { return errNotReady }

// RunBoxed is the stage inside the box; cmd/kua's hidden "box" command calls it
// with the arguments after "box" and exits with what it returns.
func RunBoxed(args []string) int { return 1 }
