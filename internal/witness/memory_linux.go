package witness

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// giveBack returns to the system what the process took and does not need now: memory
// that is free, and the pages of the program's own file, of which a start touches more
// than anything afterwards. They come back from the file when they are called.
func giveBack() {
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/smaps") // without it nothing is given back
	program, failed := os.Readlink("/proc/self/exe")
	if err != nil || failed != nil {
		return
	}
	for _, m := range fromFile(string(maps), program) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

type mapping struct{ start, end uintptr }

// fromFile finds in /proc/self/smaps (proc_pid_smaps(5)) what is mapped from a file,
// cannot be written, and holds nothing that is not in the file.
func fromFile(smaps string, file string) []mapping {
	var all []mapping
	var m mapping
	var mine bool
	for line := range strings.Lines(smaps) {
		line = strings.TrimSpace(line)
		name, value, _ := strings.Cut(line, ":")
		switch {
		case strings.Contains(name, "-"): // "00400000-02e5c000 r-xp 00000000 fe:00 1234 /usr/bin/kua"
			var flags string
			_, err := fmt.Sscanf(line, "%x-%x %s", &m.start, &m.end, &flags)
			mine = err == nil && !strings.Contains(flags, "w") && strings.HasSuffix(line, " "+file)
		case mine && (name == "Anonymous" || name == "Swap") && strings.TrimSpace(value) != "0 kB":
			mine = false
		case mine && name == "VmFlags": // the last line of a mapping
			all = append(all, m)
			mine = false
		}
	}
	return all
}
