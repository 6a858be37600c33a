package media

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Limits of the box that nobody needs to change.
const (
	maxFiles     = 256
	maxProcesses = 512 // counts threads; the kernel holds everybody to it but root
	maxPrograms  = 100 // at once in one box; no work needs a tenth of it
	countEvery   = 100 * time.Millisecond
	maxCPU       = 24 * 3600
)

// confine sets this process's limits, which every tool it starts inherits, and
// takes away the system calls that no media tool needs.
func confine(l Limits) error {
	memoryForGo(l)
	for _, limit := range []struct {
		which int
		value uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_CPU, maxCPU},
		{unix.RLIMIT_FSIZE, uint64(l.OutputBytes)},
		{unix.RLIMIT_NOFILE, maxFiles},
		{unix.RLIMIT_NPROC, maxProcesses},
		{unix.RLIMIT_AS, uint64(l.MemoryBytes)},
	} {
		if err := syscall.Setrlimit(limit.which, &syscall.Rlimit{Cur: limit.value, Max: limit.value}); err != nil {
			return fmt.Errorf("set limit %d: %w", limit.which, err)
		}
	}
	// A tool that was taken over must not take over this process in turn.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hide from tracing: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	if err := filterSystemCalls(); err != nil {
		return err
	}
	go countPrograms()
	return nil
}

// countPrograms ends this process, and with it the box and all that runs in it,
// once there are too many: the kernel's own limit does not bind a desk that is
// run by root.
func countPrograms() {
	for range time.Tick(countEvery) {
		all, err := filepath.Glob("/proc/[0-9]*")
		if err != nil || len(all) > maxPrograms {
			os.Exit(tooManyPrograms)
		}
	}
}

// tooManyPrograms is the exit status of a stage whose tool made more of itself.
const tooManyPrograms = 97

// refused are doors into the kernel that have been the way out of many a
// sandbox and that decoding a film needs none of.
var refused = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD,
	unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_SYSLOG, unix.SYS_ACCT,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_QUOTACTL, unix.SYS_LOOKUP_DCOOKIE,
	unix.SYS_PERSONALITY, unix.SYS_VHANGUP, unix.SYS_FANOTIFY_INIT, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
}

// filterSystemCalls installs a seccomp filter on all threads: another machine's
// calls kill, the refused ones fail with EPERM.
func filterSystemCalls() error {
	const (
		offsetNr   = 0
		offsetArch = 4
		load       = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal      = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		atLeast    = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		give       = unix.BPF_RET | unix.BPF_K

		killProcess = 0x80000000 // SECCOMP_RET_KILL_PROCESS
		failEPERM   = 0x00050000 | uint32(unix.EPERM)
		allow       = 0x7fff0000
		x32         = 0x40000000 // the other set of numbers on amd64
	)
	program := []unix.SockFilter{
		{Code: load, K: offsetArch},
		{Code: equal, K: auditArch, Jt: 1},
		{Code: give, K: killProcess},
		{Code: load, K: offsetNr},
		{Code: atLeast, K: x32, Jf: 1},
		{Code: give, K: failEPERM},
	}
	for _, nr := range refused {
		program = append(program, unix.SockFilter{Code: equal, K: nr, Jf: 1}, unix.SockFilter{Code: give, K: failEPERM})
	}
	program = append(program, unix.SockFilter{Code: give, K: allow})
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("filter system calls: %w", errno)
	}
	return nil
}
