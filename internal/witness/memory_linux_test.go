package witness

import (
	"slices"
	"testing"
)

// TestFromFile: what is given back is of the program's file, cannot be written, and holds
// nothing that the file has not; the rest of the process stays.
func TestFromFile(t *testing.T) {
	const smaps = `00400000-02e5c000 r-xp 00000000 fe:00 1234                               /opt/our tools/kua
Rss:               20480 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
02e5c000-05e5c000 r--p 02a5c000 fe:00 1234                               /opt/our tools/kua
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
05e5c000-05f00000 r--p 05a5c000 fe:00 1234                               /opt/our tools/kua
Anonymous:             4 kB
Swap:                  0 kB
VmFlags: rd mr mw me
05f00000-05f10000 r--p 05b00000 fe:00 1234                               /opt/our tools/kua
Anonymous:             0 kB
Swap:                  8 kB
VmFlags: rd mr mw me
05f10000-06000000 rw-p 05b10000 fe:00 1234                               /opt/our tools/kua
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me ac
7f0000000000-7f0000001000 r--p 00000000 fe:00 99                         /opt/other
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:          4096 kB
VmFlags: rd wr mr mw me ac
`
	want := []mapping{{0x400000, 0x2e5c000}, {0x2e5c000, 0x5e5c000}}
	if got := fromFile(smaps, "/opt/our tools/kua"); !slices.Equal(got, want) {
		t.Errorf("given back: %x, want %x", got, want)
	}
	giveBack() // and the program goes on
}
