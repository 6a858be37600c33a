package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncTree makes everything written below dir durable. One syncfs costs far
// less than an fsync for each of a thousand small files.
func SyncTree(dir string) error {
	f, err := os.Open(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
