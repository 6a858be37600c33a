package node

import "time"

// SetGrace shortens what a caller may stay silent, and gives what sets it back.
func SetGrace(d time.Duration) func() {
	old := grace
	grace = d
	return func() { grace = old }
}
