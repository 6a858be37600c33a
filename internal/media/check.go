package media

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kua/internal/fault"
)

// tools are the programs that media runs, with the Debian package each comes from.
var tools = []struct{ name, pkg string }{
	{"bwrap", "bubblewrap"},
	{"ffmpeg", "ffmpeg"},
	{"ffprobe", "ffmpeg"},
}

// The size of a box's /tmp: for most, and for those whose tools can only read
// a file, which is then a copy of the original that never leaves memory.
const (
	tmpBytes     = 64 << 20
	tmpFileBytes = 512 << 20
	// maxFileInput is the largest original that is copied there.
	maxFileInput = 192 << 20
)

// optional are tools that only some originals need; they are asked for when one
// comes.
var optional = map[string]string{
	"heif-convert": "libheif-examples",
	"heif-info":    "libheif-examples",
	"pdftoppm":     "poppler-utils",
	"pdfinfo":      "poppler-utils",
	"soffice":      "libreoffice-writer-nogui",
}

// haveTool is the fault that names the package of a tool that is not there.
func haveTool(name string) error {
	if _, err := os.Stat("/usr/bin/" + name); err != nil {
		return fault.Missing("media.missing", name, optional[name]).Because(err)
	}
	return nil
}

var boxWorks struct {
	sync.Mutex
	yes bool
}

// Check reports whether everything that media needs is on this machine: the
// tools, and a kernel that lets an ordinary user build the box. Otherwise it
// returns a fault of kind missing that says how to mend it.
func Check() error {
	for _, t := range tools {
		if _, err := exec.LookPath(t.name); err != nil {
			return fault.Missing("media.missing", t.name, t.pkg).Because(err)
		}
	}
	boxWorks.Lock()
	defer boxWorks.Unlock()
	if boxWorks.yes {
		return nil
	}
	shedAmbient()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return fault.Missing("media.missing", "bwrap", "bubblewrap").Because(err)
	}
	cmd := exec.CommandContext(ctx, bwrap, append(append(walls(tmpBytes), lastWalls()...), "--", "/usr/bin/true")...)
	cmd.Env = []string{}
	if err := cmd.Run(); err != nil {
		return fault.Missing("media.no_box").Because(err)
	}
	boxWorks.yes = true
	return nil
}

// shedAmbient lets no program that is started from here on have a privilege that was
// given to this one, as a unit of systemd gives the right to answer at port 443: it
// is kept here, and bubblewrap refuses to begin with any (capabilities(7)).
func shedAmbient() {
	_, _, _ = syscall.AllThreadsSyscall6(syscall.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0) // a kernel without them gave none
}

// walls are bubblewrap's arguments that every box has: all namespaces its own,
// no privilege and no way to new ones, the system's programs read-only, nothing
// of /etc but the links that Debian's libraries go through. What is written to
// /tmp lies in memory, memoryFiles bytes at most.
func walls(memoryFiles int64) []string {
	return []string{
		"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
		"--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", "box",
		"--die-with-parent", "--new-session", "--cap-drop", "ALL",
		"--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "LC_ALL", "C", "--setenv", "HOME", "/tmp",
		"--ro-bind", "/usr", "/usr",
		"--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
		"--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin",
		"--proc", "/proc", "--dev", "/dev",
		"--size", strconv.FormatInt(memoryFiles, 10), "--tmpfs", "/tmp",
		"--chdir", "/tmp",
	}
}

// lastWalls go up when everything has its place: the box's own root and /dev
// live in memory and would otherwise take writes without end.
func lastWalls() []string { return []string{"--remount-ro", "/dev", "--remount-ro", "/"} }
