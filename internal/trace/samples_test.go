package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// run starts a tool and gives what it says; a missing tool is a failure.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, complaint.String())
	}
	return out.Bytes()
}

// readBytes reads a file held in memory.
func readBytes(t testing.TB, b []byte) Sheet {
	t.Helper()
	s, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return s
}

func readFile(t testing.TB, path string) Sheet {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := readBytes(t, b)
	for _, f := range s.Facts { // what is said to stand in the file stands there
		if f.Raw == nil && f.Value != "" && !stands(b, f) {
			t.Errorf("%s: %s %q is said to stand in the file as text and does not", filepath.Base(path), f.Where, f.Value)
		}
		if len(f.Raw) > 0 && f.Kind != Time && !bytes.Contains(b, f.Raw) && !strings.Contains(f.Where, "SEI") && !strings.Contains(f.Where, "PID") {
			t.Errorf("%s: the bytes of %s %q do not stand in the file", filepath.Base(path), f.Where, f.Value)
		}
	}
	return s
}

// stands says whether a fact's value is in the file, or is one that is computed.
func stands(b []byte, f Fact) bool {
	return bytes.Contains(b, []byte(f.Value)) || f.Kind == History && strings.HasPrefix(f.Name, "hidden ") || f.Name == "camm" || f.Name == "position time" ||
		f.Name == "position" || strings.Contains(f.Where, "SEI") || strings.Contains(f.Where, "PID") || strings.HasPrefix(f.Name, "time code")
}

// told says whether a sheet holds a value, in a fact's text or bytes.
func told(s Sheet, value string) bool {
	for _, f := range s.Facts {
		if strings.Contains(f.Value, value) || bytes.Contains(f.Raw, []byte(value)) {
			return true
		}
	}
	return false
}

func mustTell(t *testing.T, s Sheet, values ...string) {
	t.Helper()
	for _, v := range values {
		if !told(s, v) {
			t.Errorf("%s: %q is not told", s.Format, v)
		}
	}
	if t.Failed() {
		for _, f := range s.Facts {
			t.Logf("%-10s %s %s = %q", f.Kind, f.Where, f.Name, f.Value)
		}
		for _, g := range s.Gaps {
			t.Logf("gap %v", g)
		}
	}
}

func kindTold(s Sheet, kind Kind, value string) bool {
	for _, f := range s.Facts {
		if f.Kind == kind && strings.Contains(f.Value, value) {
			return true
		}
	}
	return false
}

func near(s Sheet, source string, lat, lon float64) bool {
	for _, f := range s.Track {
		if (source == "" || f.Source == source) && math.Abs(f.Latitude-lat) < 1e-5 && math.Abs(f.Longitude-lon) < 1e-5 {
			return true
		}
	}
	return false
}

// samples are films and sounds as ffmpeg writes them, with a word planted in
// every field that it can write.
var samples = []struct {
	file    string
	args    []string
	format  string
	planted []string
}{
	{"film.mp4", []string{"-c:v", "libx264", "-c:a", "aac", "-c:s", "mov_text"}, "mp4", []string{"PLANTtitle", "PLANTartist", "PLANTcomment", "2024-05-06T07:08:09Z", "PLANTsub", "PLANTchapter", "x264 - core", "Lavc", "PLANThandler"}},
	{"film.mov", []string{"-c:v", "libx264", "-c:a", "aac", "-c:s", "mov_text", "-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.make=PLANTmake", "-metadata", "com.apple.quicktime.model=PLANTmodel",
		"-metadata", "com.apple.quicktime.location.ISO6709=+42.8746+074.5698+0771/", "-metadata", "com.apple.quicktime.creationdate=2024-05-06T13:08:09+0600"}, "mp4", []string{"PLANTtitle", "PLANTmake", "PLANTmodel", "+42.8746+074.5698+0771/", "2024-05-06T13:08:09+0600", "PLANTsub", "PLANTchapter"}},
	{"fragments.mp4", []string{"-c:v", "libx264", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-sn"}, "mp4", []string{"PLANTtitle", "x264 - core", "2024-05-06T07:08:09Z"}},
	{"hevc.mp4", []string{"-c:v", "libx265", "-x265-params", "log-level=none", "-c:a", "aac", "-sn"}, "mp4", []string{"x265 (build", "PLANTtitle"}},
	{"phone.3gp", []string{"-c:v", "libx264", "-c:a", "aac", "-sn"}, "mp4", []string{"PLANTtitle", "2024-05-06T07:08:09Z"}},
	{"sound.m4a", []string{"-vn", "-sn", "-c:a", "aac"}, "mp4", []string{"PLANTtitle", "PLANTartist", "Lavc", "PLANTchapter"}},
	{"film.mkv", []string{"-c:v", "libx264", "-c:a", "aac", "-c:s", "srt", "-metadata:s:v:0", "title=PLANTtrack"}, "matroska", []string{"PLANTtitle", "PLANTartist", "PLANTcomment", "PLANTsub", "PLANTchapter", "PLANTtrack", "x264 - core", "2024-05-06T07:08:09Z", "Lavf"}},
	{"film.webm", []string{"-c:v", "libvpx", "-c:a", "libopus", "-c:s", "webvtt"}, "matroska", []string{"PLANTtitle", "PLANTsub"}},
	{"film.avi", []string{"-c:v", "libx264", "-c:a", "mp3", "-sn"}, "avi", []string{"PLANTtitle", "PLANTartist", "PLANTcomment", "x264 - core", "Lavf"}},
	{"xvid.avi", []string{"-c:v", "mpeg4", "-c:a", "mp3", "-sn"}, "avi", []string{"PLANTtitle", "Lavc"}},
	{"film.ts", []string{"-c:v", "libx264", "-c:a", "aac", "-sn", "-metadata", "service_name=PLANTservice", "-metadata", "service_provider=PLANTprovider"}, "mpegts", []string{"PLANTservice", "PLANTprovider", "x264 - core"}},
	{"film.m2ts", []string{"-c:v", "libx264", "-c:a", "aac", "-sn", "-mpegts_m2ts_mode", "1"}, "mpegts", []string{"x264 - core"}},
	{"film.mpg", []string{"-c:v", "mpeg2video", "-c:a", "mp2", "-sn"}, "mpegps", nil},
	{"sound.mp3", []string{"-vn", "-sn", "-c:a", "mp3", "-id3v2_version", "3", "-write_id3v1", "1"}, "mp3", []string{"PLANTtitle", "PLANTartist", "PLANTcomment", "Lavc"}},
	{"sound4.mp3", []string{"-vn", "-sn", "-c:a", "mp3", "-id3v2_version", "4"}, "mp3", []string{"PLANTtitle", "PLANTartist"}},
	{"sound.aac", []string{"-vn", "-sn", "-c:a", "aac", "-write_id3v2", "1"}, "", []string{"Lavc"}},
	{"sound.wav", []string{"-vn", "-sn", "-write_bext", "1", "-metadata", "description=PLANTbext", "-metadata", "originator=PLANTorig", "-metadata", "origination_date=2024-05-06", "-metadata", "umid=0x0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"}, "wav", []string{"PLANTtitle", "PLANTbext", "PLANTorig", "2024-05-06", "Lavf"}},
	{"sound.ogg", []string{"-vn", "-sn", "-c:a", "libvorbis"}, "ogg", []string{"PLANTtitle", "PLANTartist", "PLANTcomment", "Lavf"}},
	{"sound.opus", []string{"-vn", "-sn", "-c:a", "libopus"}, "ogg", []string{"PLANTtitle", "PLANTartist", "Lavf"}},
	{"sound.flac", []string{"-vn", "-sn", "-c:a", "flac"}, "flac", []string{"PLANTtitle", "PLANTartist", "Lavf"}},
}

// makeSample makes one of them.
func makeSample(t testing.TB, file string, args []string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sub := write("sub.srt", "1\n00:00:00,100 --> 00:00:00,900\nPLANTsub one\n")
	meta := write("meta.txt", ";FFMETADATA1\ntitle=PLANTtitle\nartist=PLANTartist\ncomment=PLANTcomment\nlocation=+42.8746+074.5698/\ncreation_time=2024-05-06T07:08:09Z\n"+
		"[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=PLANTchapter\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=second\n")
	path := filepath.Join(dir, file)
	all := append([]string{"-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", "-i", sub, "-i", meta,
		"-map", "0:v", "-map", "1:a", "-map", "2:s", "-map_metadata", "3", "-map_chapters", "3", "-metadata:s:a:0", "handler_name=PLANThandler"}, args...)
	if strings.HasSuffix(file, ".avi") || strings.HasSuffix(file, ".wav") || strings.Contains(file, ".m") && !strings.Contains(file, ".mp4") {
		all = append(all, "-metadata", "software=x")
	}
	run(t, "ffmpeg", append(all, "-preset", "ultrafast", "-threads", "1", path)...)
	return path
}

func TestSamples(t *testing.T) {
	for _, c := range samples {
		t.Run(c.file, func(t *testing.T) {
			path := makeSample(t, c.file, c.args)
			s := readFile(t, path)
			if c.format != "" && s.Format != c.format {
				t.Errorf("got format %s, want %s", s.Format, c.format)
			}
			mustTell(t, s, c.planted...)
			compare(t, path, s)
		})
	}
}

var exifDate = regexp.MustCompile(`^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)`)

// compare asks exiftool, as an independent reader, for everything about place,
// time and device, and looks for it in the sheet.
func compare(t *testing.T, path string, s Sheet) {
	t.Helper()
	var all []map[string]any
	if err := json.Unmarshal(run(t, "exiftool", "-ee", "-a", "-n", "-j", "-G1:2:3", "-api", "QuickTimeUTC=1", "-api", "largefilesupport=1", path), &all); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, one := range all {
		type pair struct{ lat, lon *float64 }
		places := map[string]*pair{}
		for key, v := range one {
			part := strings.Split(key, ":")
			name := part[len(part)-1]
			value := fmt.Sprint(v)
			if strings.HasPrefix(key, "System") || strings.HasPrefix(key, "File:") || strings.HasPrefix(key, "Composite") || strings.HasPrefix(key, "ExifTool") || strings.HasPrefix(value, "0000:00") || strings.HasPrefix(value, "1904:01:01 00:00") || value == "" ||
				name == "GPSDateTime" && strings.HasSuffix(value, ".000Z") { // made up from the film's date

				continue
			}
			group := strings.Join(part[:len(part)-1], ":")
			switch n, isNumber := v.(float64); {
			case isNumber && strings.HasSuffix(name, "GPSLatitude"), isNumber && strings.HasSuffix(name, "GPSLongitude"):
				p := places[group]
				if p == nil {
					p = &pair{}
					places[group] = p
				}
				if strings.HasSuffix(name, "Latitude") {
					p.lat = &n
				} else {
					p.lon = &n
				}
			case name == "GPSCoordinates":
				f := strings.Fields(value)
				if !near(s, "", parsed(f[0]), parsed(f[1])) {
					t.Errorf("exiftool's %s %s is not in the track", key, value)
				}
				checked++
			case exifDate.MatchString(value):
				m := exifDate.FindStringSubmatch(value)
				want := strings.Join(m[1:7], "")
				if !dateTold(s, want) {
					t.Errorf("exiftool's date %s %s is not told", key, value)
				}
				checked++
			case strings.Contains(key, ":Camera:") && !isNumber && len(value) > 2 && !strings.Contains(value, " mm"):
				if !told(s, value) {
					t.Errorf("exiftool's %s %q is not told", key, value)
				}
				checked++
			}
		}
		for group, p := range places {
			if p.lat != nil && p.lon != nil {
				checked++
				if !near(s, "", *p.lat, *p.lon) {
					t.Errorf("exiftool's place %s %v %v is not in the track", group, *p.lat, *p.lon)
				}
			}
		}
	}
	t.Logf("%d values of exiftool's looked for", checked)
}

var noDigit = regexp.MustCompile(`\D`)

func dateTold(s Sheet, want string) bool {
	for _, f := range s.Facts {
		if v := noDigit.ReplaceAllString(f.Value, ""); strings.HasPrefix(v, want) || v != "" && strings.HasPrefix(want, v) && len(v) >= 8 {
			return true
		}
	}
	for _, f := range s.Track {
		if strings.HasPrefix(noDigit.ReplaceAllString(f.Time, ""), want) {
			return true
		}
	}
	return false
}
