//go:build !linux

package witness

import "runtime/debug"

// giveBack returns to the system memory that is free.
func giveBack() { debug.FreeOSMemory() }
