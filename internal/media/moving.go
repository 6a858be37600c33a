package media

import (
	"bufio"
	"fmt"
	"image"
	"io"
)

// filter is how a decoded film is made into pictures of the master size: half
// pictures are joined, colours become those that every screen knows.
func (st Stream) filter(master image.Point, matrix string) string {
	scale := fmt.Sprintf("scale=%d:%d:flags=area", master.X, master.Y)
	joined := ""
	if st.interlaced() {
		joined = "bwdif=mode=send_frame:deint=interlaced,"
	}
	if st.wide() {
		return joined + scale + "," + st.narrow() + ",setsar=1,format=yuv420p"
	}
	return joined + scale + ":in_color_matrix=" + matrix + ":out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p"
}

// interlaced reports whether there may be half pictures. Only frames that are
// flagged as such are touched.
func (st Stream) interlaced() bool {
	switch st.Fields {
	case "tt", "bb", "tb", "bt":
		return true
	}
	return false
}

// wide reports whether the colours go beyond BT.709's, or its brightness does.
func (st Stream) wide() bool {
	return st.hdr() || st.Primaries == "bt2020" || st.Primaries == "smpte432"
}

func (st Stream) hdr() bool { return st.Transfer == "smpte2084" || st.Transfer == "arib-std-b67" }

// narrow brings wide colours into BT.709, and light of more than paper's white
// below it. What the file leaves unsaid is what such films have.
func (st Stream) narrow() string {
	said := func(v, otherwise string) string {
		if v == "" || v == "unknown" {
			return otherwise
		}
		return v
	}
	in := fmt.Sprintf("min=%s:pin=%s:tin=%s", said(st.Matrix, "bt2020nc"), said(st.Primaries, "bt2020"), said(st.Transfer, "bt709"))
	if !st.hdr() {
		return "zscale=" + in + ":m=bt709:p=bt709:t=bt709:r=tv"
	}
	return "zscale=" + in + ":t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:param=0.6:desat=0,zscale=t=bt709:m=bt709:p=bt709:r=tv"
}

// moving reports whether an original that is mostly a photo is a film: a GIF
// of more than one picture.
func (s *stage) moving() bool {
	return s.Format == formatGIF && gifPictures(s.reader()) > 1
}

// gifPictures counts up to two (GIF89a 20, 23–26). A file that breaks off counts
// as far as it goes.
func gifPictures(r io.Reader) (n int) {
	in := bufio.NewReaderSize(r, 64<<10)
	var head [13]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0
	}
	if !skipColours(in, head[10]) {
		return 0
	}
	for n < 2 {
		kind, err := in.ReadByte()
		if err != nil {
			return n
		}
		switch kind {
		case ',': // a picture: its place, its colours, the size of its codes
			var at [9]byte
			if _, err := io.ReadFull(in, at[:]); err != nil || !skipColours(in, at[8]) {
				return n
			}
			if _, err := in.Discard(1); err != nil {
				return n
			}
			n++
		case '!': // an extension
			if _, err := in.Discard(1); err != nil {
				return n
			}
		default:
			return n
		}
		if !skipBlocks(in) {
			return n
		}
	}
	return n
}

func skipColours(in *bufio.Reader, flags byte) bool {
	if flags&0x80 == 0 {
		return true
	}
	_, err := in.Discard(3 << (1 + flags&7))
	return err == nil
}

func skipBlocks(in *bufio.Reader) bool {
	for {
		n, err := in.ReadByte()
		if err != nil || n == 0 {
			return err == nil
		}
		if _, err := in.Discard(int(n)); err != nil {
			return false
		}
	}
}
