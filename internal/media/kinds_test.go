package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/gate"
)

// p3Profile is a Display P3 profile as phones write it: three colorants adapted
// to D50, one curve.
func p3Profile() []byte {
	fixed := func(v float64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(int32(v*65536+0.5))) }
	xyz := func(x, y, z float64) []byte {
		return append(append(append([]byte("XYZ \x00\x00\x00\x00"), fixed(x)...), fixed(y)...), fixed(z)...)
	}
	curve := []byte("para\x00\x00\x00\x00\x00\x03\x00\x00")
	for _, v := range []float64{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045} {
		curve = append(curve, fixed(v)...)
	}
	tags := []struct {
		name string
		data []byte
	}{
		{"rXYZ", xyz(0.51512, 0.2412, -0.00105)}, {"gXYZ", xyz(0.29198, 0.69225, 0.04189)}, {"bXYZ", xyz(0.1571, 0.06657, 0.78407)},
		{"rTRC", curve}, {"gTRC", curve}, {"bTRC", curve},
	}
	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	var data []byte
	for _, tag := range tags {
		table = append(table, tag.name...)
		table = binary.BigEndian.AppendUint32(table, uint32(128+4+12*len(tags)+len(data)))
		table = binary.BigEndian.AppendUint32(table, uint32(len(tag.data)))
		data = append(data, tag.data...)
	}
	b := append(append(make([]byte, 128), table...), data...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	copy(b[12:], "mntrRGB XYZ ")
	copy(b[36:], "acsp")
	return b
}

// webpWithProfile gives a plain WebP the extended head that a profile takes.
func webpWithProfile(t testing.TB, file string, w, h int) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	icc := p3Profile()
	body := append([]byte("WEBPVP8X\x0a\x00\x00\x00\x20\x00\x00\x00"), byte(w-1), byte((w-1)>>8), 0, byte(h-1), byte((h-1)>>8), 0)
	body = binary.LittleEndian.AppendUint32(append(body, "ICCP"...), uint32(len(icc)))
	body = append(body, icc...)
	if len(icc)%2 == 1 {
		body = append(body, 0)
	}
	body = append(body, b[12:]...)
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)))
	if err := os.WriteFile(file, append(out, body...), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// pure is a picture of one colour.
func pure(w, h int, c color.RGBA) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []byte{c.R, c.G, c.B, 255})
	}
	return img
}

// TestWideColours gives the same Display P3 colour in every format that can say
// so, and wants the sRGB colour that the eye sees as the same.
func TestWideColours(t *testing.T) {
	dir := t.TempDir()
	profile := filepath.Join(dir, "p3.icc")
	if err := os.WriteFile(profile, p3Profile(), 0o600); err != nil {
		t.Fatal(err)
	}
	// P3 (200, 120, 60) is sRGB (212, 118, 44) by the published matrices.
	stored, want := color.RGBA{200, 120, 60, 255}, [3]int{212, 118, 44}
	jpg := writePhoto(t, "a.jpg", pure(320, 240, stored))
	pngFile := writePhoto(t, "a.png", pure(320, 240, stored))
	files := manySamples(t, []string{"-i", pngFile}, fixture{"a.webp", []string{"-quality", "95"}}, fixture{"a.tif", []string{"-pix_fmt", "rgb24", "-compression_algo", "raw"}})
	webpFile, tiffFile := webpWithProfile(t, files["a.webp"], 320, 240), files["a.tif"]
	run(t, "exiftool", "-q", "-overwrite_original", "-ICC_Profile<="+profile, jpg, pngFile, tiffFile)
	heic, avif := filepath.Join(dir, "a.heic"), filepath.Join(dir, "a.avif")
	run(t, "heif-enc", "-q", "90", pngFile, "-o", heic) // takes the PNG's profile along
	run(t, "heif-enc", "-A", "-q", "90", pngFile, "-o", avif)
	for _, file := range []string{jpg, pngFile, webpFile, tiffFile, heic, avif} {
		img := picture(t, renderPhoto(t, file, Plan{})["jpeg"])
		r, g, b, _ := img.At(100, 100).RGBA()
		got := [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}
		for i := range 3 {
			if got[i]-want[i] > 6 || want[i]-got[i] > 6 {
				t.Errorf("%s: got %v, want %v", filepath.Base(file), got, want)
				break
			}
		}
	}
	plainPNG := writePhoto(t, "plain.png", pure(320, 240, stored))
	if r, _, _, _ := picture(t, renderPhoto(t, plainPNG, Plan{})["jpeg"]).At(9, 9).RGBA(); int(r>>8) < 197 || int(r>>8) > 203 {
		t.Errorf("sRGB was changed to %d", r>>8)
	}
}

// TestKindsOfPhoto makes a derivative of every kind, with its dark quarter
// where it belongs and nothing of what was planted.
func TestKindsOfPhoto(t *testing.T) {
	base := writePhoto(t, "base.png", quarters(640, 320))
	var signed []string
	heif := func(name string, args ...string) string {
		file := filepath.Join(t.TempDir(), name)
		run(t, "heif-enc", append(args, base, "-o", file)...)
		signed = append(signed, file)
		return file
	}
	heic, avif, ten := heif("a.heic"), heif("a.avif", "-A"), heif("ten.heic", "-b", "10")
	run(t, "exiftool", append([]string{"-q", "-overwrite_original", "-Artist=" + canary, "-XMP:Creator=" + canary}, signed...)...)
	files := manySamples(t, []string{"-i", base}, fixture{"a.tif", nil}, fixture{"lzw.tif", []string{"-compression_algo", "lzw", "-pix_fmt", "rgb24"}},
		fixture{"a.bmp", nil}, fixture{"a.gif", nil}, fixture{"t.webp", nil}, fixture{"lossless.webp", []string{"-lossless", "1"}},
		fixture{"restart.jpg", []string{"-flags", "+qscale", "-q:v", "3", "-huffman", "default"}})
	files["t.png"] = writePhoto(t, "t.png", quarters(640, 320))
	run(t, "exiftool", "-q", "-overwrite_original", "-n", "-IFD0:Orientation=6", files["lzw.tif"], files["t.png"], files["t.webp"])
	cmyk := filepath.Join(t.TempDir(), "cmyk.jpg")
	if err := os.WriteFile(cmyk, cmykJPEG(t), 0o600); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(t.TempDir(), "odd.jpg")
	plain, err := os.ReadFile(writePhoto(t, "p.jpg", quarters(640, 320)))
	if err != nil {
		t.Fatal(err)
	}
	jpgn := append([]byte("\xff\xd8\xff\xf7\x00\x0aJPGn"+canary[:4]+"\xff\x01"), plain[2:]...)
	if err := os.WriteFile(odd, jpgn, 0o600); err != nil {
		t.Fatal(err)
	}
	two := filepath.Join(t.TempDir(), "two.heic")
	run(t, "heif-enc", base, base, "-o", two)
	for file, want := range map[string]int{heic: 1, two: 2} {
		if p, err := runner(t).Probe(context.Background(), input(t, file)); err != nil || p.Pictures != want {
			t.Errorf("%s: %+v, %v; want %d pictures", filepath.Base(file), p, err, want)
		}
	}
	upright, side := [2]float64{.25, .25}, [2]float64{.75, .25}
	for _, tt := range []struct {
		file string
		dark [2]float64
	}{
		{heic, upright}, {avif, upright}, {ten, upright},
		{files["a.tif"], upright}, {files["lzw.tif"], side}, {files["a.bmp"], upright}, {files["a.gif"], upright},
		{files["t.png"], side}, {files["t.webp"], side}, {files["lossless.webp"], upright},
		{cmyk, upright}, {odd, upright}, {files["restart.jpg"], upright},
	} {
		t.Run(filepath.Base(tt.file), func(t *testing.T) {
			made := renderPhoto(t, tt.file, Plan{})
			img := picture(t, made["jpeg"])
			for _, at := range [][2]float64{{.25, .25}, {.75, .25}, {.25, .75}, {.75, .75}} {
				if got := gray(img, at[0], at[1]); (got < 120) != (at == tt.dark) {
					t.Errorf("brightness %d at %v, dark should be %v", got, at, tt.dark)
				}
			}
			for _, r := range made {
				b, err := os.ReadFile(r.Path)
				if err != nil {
					t.Fatal(err)
				}
				if found := carries(b, canary, "Exif", "http://"); found != "" {
					t.Errorf("%s carries %s", r.Rung, found)
				}
			}
		})
	}
}

// cmykJPEG is a JPEG of four components, as print shops make them.
func cmykJPEG(t testing.TB) []byte {
	t.Helper()
	page := "0 0 0 0.2 k 0 0 640 320 re f 0 0 0 0.8 k 0 160 320 160 re f"
	pdf := pdfOf(fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(page), page), "[0 0 640 320]")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.pdf"), pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "pdftoppm", "-jpeg", "-jpegcmyk", "-r", "72", "-singlefile", filepath.Join(dir, "a.pdf"), filepath.Join(dir, "a"))
	b, err := os.ReadFile(filepath.Join(dir, "a.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pdfOf is a PDF of pages with these contents (object bodies), all of one size.
func pdfOf(contents, box string, more ...string) []byte {
	bodies := append([]string{contents}, more...)
	var objects, kids []string
	for i, c := range bodies {
		objects = append(objects, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox%s/Contents %d 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>", box, 4+2*i), c)
		kids = append(kids, fmt.Sprintf("%d 0 R", 3+2*i))
	}
	objects = append([]string{"<</Type/Catalog/Pages 2 0 R>>", fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", len(kids), strings.Join(kids, " "))}, objects...)
	b := []byte("%PDF-1.4\n")
	xref := fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, o := range objects {
		xref += fmt.Sprintf("%010d 00000 n \n", len(b))
		b = append(b, fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, o)...)
	}
	return append(b, fmt.Sprintf("%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", xref, len(objects)+1, len(b))...)
}

// TestAnimations tells what moves from what stands still, and shows the first
// picture of an animated WebP where it lies.
func TestAnimations(t *testing.T) {
	files := manySamples(t, []string{"-f", "lavfi", "-i", "testsrc=s=320x240:d=0.04:r=25", "-f", "lavfi", "-i", "testsrc=s=320x240:d=1.3:r=10",
		"-f", "lavfi", "-i", "color=c=red:s=320x240:d=1:r=4,drawbox=c=blue:t=fill:enable='gt(t,0.3)'"},
		fixture{"still.gif", []string{"-map", "0"}}, fixture{"moving.gif", []string{"-map", "1"}}, fixture{"moving.webp", []string{"-map", "2", "-loop", "0"}})
	still, moving, webp := files["still.gif"], files["moving.gif"], files["moving.webp"]
	for file, want := range map[string]Type{still: Photo, moving: Film} {
		if p, err := runner(t).Probe(context.Background(), input(t, file)); err != nil || p.Type != want || p.Format != "gif" {
			t.Errorf("%s: %+v, %v", filepath.Base(file), p, err)
		}
	}
	made := renderFilm(t, moving, Plan{Covers: []Cover{{W: 50, H: 40, To: time.Second, Points: []At{{0, 5, 5}}}}})
	if r := made["240p"]; r.Width != 320 || r.Seconds != 2 {
		t.Errorf("a moving GIF became %+v", r)
	}
	p, err := runner(t).Probe(context.Background(), input(t, webp))
	if err != nil || p.Type != Photo || p.Pictures < 2 {
		t.Fatalf("a moving WebP: %+v, %v", p, err)
	}
	if r, g, _, _ := picture(t, renderPhoto(t, webp, Plan{})["jpeg"]).At(160, 120).RGBA(); r>>8 < 200 || g>>8 > 60 {
		t.Errorf("its first picture is not red: %d %d", r>>8, g>>8)
	}
}

// TestFewSizes publishes crops of nearly one size, and films of nearly one
// length, and wants no difference between them.
func TestFewSizes(t *testing.T) {
	sizes := map[image.Point]bool{}
	for _, size := range []image.Point{{4032, 3024}, {4031, 3020}, {4000, 3000}, {3999, 3011}} {
		sizes[photoSize(size, photoSide)] = true
	}
	if len(sizes) != 1 {
		t.Errorf("crops of one picture have sizes %v", sizes)
	}
	all := map[image.Point]bool{}
	for w := 100; w < 4000; w += 7 {
		for _, h := range []int{w, w * 3 / 4, w * 9 / 16, w * 2 / 3} {
			all[photoSize(image.Pt(w, h), photoSide)] = true
		}
	}
	if len(all) > 20*8 {
		t.Errorf("%d sizes are published", len(all))
	}

	var read []string
	var films []fixture
	for i, length := range []string{"2.2", "2.57", "2.94"} {
		read = append(read, "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d="+length, "-f", "lavfi", "-i", "sine=440:d="+length)
		films = append(films, fixture{length + ".mp4", []string{"-map", fmt.Sprint(2 * i), "-map", fmt.Sprint(2*i + 1), "-preset", "ultrafast"}})
	}
	files := manySamples(t, read, films...)
	var first string
	for _, film := range films {
		lengths := lengthsOf(t, renderFilm(t, files[film.name], Plan{}))
		if first == "" {
			first = lengths
		}
		if lengths != first {
			t.Errorf("%s: lengths and numbers of frames\n%s differ from\n%s", film.name, lengths, first)
		}
		if _, small, _ := strings.Cut(lengths, "144p:"); !strings.Contains(strings.SplitN(small, "\n", 2)[0], "nb_read_packets=36") {
			t.Errorf("144p of 3 s: %s, want 36 frames", lengths)
		}
	}
}

// lengthsOf gives everything that the containers of a film's renditions and
// their packets say of length.
func lengthsOf(t testing.TB, made map[string]Rendition) string {
	said, dir := "", ""
	var paths []string
	for _, rung := range []string{"144p", "240p", "audio", "audio-m4a"} {
		r := made[rung]
		dir = filepath.Dir(r.Path)
		paths = append(paths, r.Path)
		said += rung + ": " + run(t, "ffprobe", "-v", "error", "-count_packets", "-show_entries", "format=duration,start_time:stream=duration,duration_ts,nb_frames,nb_read_packets,start_time", "-of", "compact", r.Path)
	}
	said += run(t, "exiftool", append([]string{"-a", "-G1", "-s", "-Duration", "-TrackDuration", "-MediaDuration", "-TimeScale", "-SegmentDuration"}, paths...)...)
	return strings.ReplaceAll(said, dir, "")
}

// TestInterlacedAndBright renders what television cameras and new phones make.
// A gray that stands for half of what HLG and PQ can say, which is a quarter of
// paper's white and nearly half of it, is as bright as that afterwards.
func TestInterlacedAndBright(t *testing.T) {
	bright := func(name, transfer string, more ...string) fixture {
		return fixture{name, append([]string{"-vf", "drawbox=x=300:y=200:w=120:h=110:color=gray:t=fill,format=yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast",
			"-x265-params", "log-level=none:colorprim=bt2020:transfer=" + transfer + ":colormatrix=bt2020nc"}, more...)}
	}
	kinds := []struct {
		fixture
		ok   func(Stream) bool
		gray int
	}{
		{fixture{"camera.ts", []string{"-vf", "tinterlace=interleave_top", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "4M"}}, Stream.interlaced, 0},
		{bright("hlg.mov", "arib-std-b67", "-tag:v", "hvc1"), Stream.hdr, 139},
		{bright("pq.mp4", "smpte2084"), Stream.hdr, 174},
	}
	files := manySamples(t, []string{"-f", "lavfi", "-i", "testsrc2=s=424x318:r=50:d=1"}, kinds[0].fixture, kinds[1].fixture, kinds[2].fixture)
	var all []Rendition
	for _, kind := range kinds {
		in := input(t, files[kind.name])
		p, err := runner(t).Probe(context.Background(), in)
		if err != nil || !kind.ok(p.Streams[0]) {
			t.Fatalf("%s: not seen for what it is: %+v, %v", kind.name, p, err)
		}
		made, err := runner(t).makeProbed(context.Background(), in, p, Plan{Covers: []Cover{{W: 90, H: 60, To: time.Second, Points: []At{{0, 50, 50}}}}}, nil, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		gated(t, made, gate.Needles{})
		all = append(all, byRung(made)["240p"])
	}
	for i, frames := range decoded(t, all...) {
		if len(frames) != 15 {
			t.Errorf("%s: 240p has %d frames", kinds[i].name, len(frames))
		}
		middle := frames[7]
		if got, want := int(middle.pix[200*middle.size.X+280]), kinds[i].gray; want > 0 && max(got-want, want-got) > 8 {
			t.Errorf("%s: gray is %d, want %d", kinds[i].name, got, want)
		}
	}
}

// TestProbeIsJudged holds what is made of ffprobe's words about films as phones
// and dashcams write them: a turn beside what says how bright a film is, and
// two cameras and two microphones in one file.
func TestProbeIsJudged(t *testing.T) {
	upright := `{"index":0,"codec_name":"hevc","codec_type":"video","width":1920,"height":1080,"side_data_list":[{"rotation":-90},{},{}]}`
	rear := `{"index":1,"codec_type":"video","width":1280,"height":720}`
	cover := `{"index":2,"codec_type":"video","width":600,"height":600,"disposition":{"attached_pic":1}}`
	sounds := `{"index":3,"codec_type":"audio"},{"index":4,"codec_type":"audio"}`
	var found probed
	if err := json.Unmarshal([]byte(`{"streams":[`+strings.Join([]string{upright, rear, cover, sounds}, ",")+`],"format":{"duration":"3.5"}}`), &found); err != nil {
		t.Fatal(err)
	}
	p, err := found.judge(Limits{}.withDefaults())
	if err != nil || p.shown() != image.Pt(1080, 1920) || p.Rotation != 90 {
		t.Errorf("a film held upright is shown as %v, turned by %d, %v", p.shown(), p.Rotation, err)
	}
	if p.Others() != 2 {
		t.Errorf("%d films and sounds are said to be left, 2 are", p.Others())
	}
	if n := (Probe{Type: Photo, Pictures: 3}).Others(); n != 2 {
		t.Errorf("of three pictures %d are said to be left", n)
	}
}

func FuzzNotes(f *testing.F) {
	chunk := func(kind string, data []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		body := append([]byte(kind), data...)
		return binary.BigEndian.AppendUint32(append(b, body...), crc32.ChecksumIEEE(body))
	}
	exif := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	f.Add(append([]byte("\x89PNG\r\n\x1a\n"), append(chunk("eXIf", exif), chunk("cICP", []byte{12, 13, 0, 1})...)...))
	f.Add([]byte("RIFF\x30\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00ANMF\x10\x00\x00\x00aaaaaaaaaaaaaaaa"))
	f.Add(exif)
	f.Add(append([]byte("\xff\xd8\xff\xe2\x02\x00ICC_PROFILE\x00\x01\x01"), p3Profile()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bytes.NewReader(data)
		for _, format := range []string{"jpeg", "png", "webp", "tiff"} {
			n := readNotes(format, in, int64(len(data)))
			if n.turn < 1 || n.turn > 8 || n.pictures < 0 {
				t.Fatalf("%s: %+v", format, n)
			}
			n.colours()
		}
		_, _, _, _ = firstOfWebP(in, int64(len(data)))
		heicCode(data)
	})
}

func FuzzColours(f *testing.F) {
	f.Add(p3Profile())
	f.Fuzz(func(t *testing.T, data []byte) {
		if c := (notes{profile: data}).colours(); c != nil {
			c.apply(image.NewRGBA(image.Rect(0, 0, 3, 3)))
		}
	})
}

func FuzzJPEGFilter(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xf7\x00\x04ab\xff\xda\x00\x02abc\xff\x00\xff\xd0\xff\xff\xd9"))
	f.Add([]byte("\xff\xda\xe3\x02")) // a segment that is cut short is not filled up
	f.Fuzz(func(t *testing.T, data []byte) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(newJPEGFilter(bytes.NewReader(data)))
		if b.Len() > len(data)+1 {
			t.Fatalf("%d bytes of %d", b.Len(), len(data))
		}
	})
}
