//go:build !linux

package durable

import "os"

// Flush makes a file's data durable.
func Flush(f *os.File) error { return f.Sync() }

// Begin does nothing here.
func Begin(*os.File, int64, int64) {}

// Reserve does nothing here.
func Reserve(*os.File, int64, int64) {}

// Direct does nothing here.
func Direct(*os.File, bool) {}

func refused(error) bool { return false }

// Aligned makes an empty slice with room for n bytes.
func Aligned(n int) []byte { return make([]byte, 0, n) }
