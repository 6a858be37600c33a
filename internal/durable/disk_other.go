//go:build !linux

package durable

import "os"

// Flush makes a file's data durable.
func Flush(f *os.File) error { return f.Sync() }

// Begin does nothing here.
func Begin(*os.File, int64, int64) {}

func reserve(*os.File, int64, int64) {}

func direct(*os.File, bool) {}

func refused(error) bool { return false }

func aligned(n int) []byte { return make([]byte, 0, n) }
