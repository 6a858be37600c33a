package trace

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAgainstExifTool: whatever exiftool says of device, time and place in our
// samples, the sheet says too.
func TestAgainstExifTool(t *testing.T) {
	tags := []string{"-EXIF:Make=Fairphone", "-EXIF:Model=FP4 test", "-EXIF:SerialNumber=S-123", "-EXIF:LensModel=lens 7", "-EXIF:DateTimeOriginal=2024:05:01 12:07:08",
		"-EXIF:CreateDate=2024:05:01 12:07:09", "-EXIF:ModifyDate=2024:05:02 01:02:03", "-EXIF:OffsetTime=+05:00", "-GPSLatitude=-42.874621", "-GPSLatitudeRef=S",
		"-GPSLongitude=74.569762", "-GPSLongitudeRef=E", "-GPSDateStamp=2024:05:01", "-GPSTimeStamp=06:07:08.5", "-GPSAltitude=12", "-XMP:CreatorTool=tool 9", "-XMP:CreateDate=2024:05:01T12:00:00+06:00"}
	for name, b := range map[string][]byte{"a.jpg": photo(t, 64, 48), "a.png": pngPicture(t, 20, 20), "a.tif": []byte(tiffWith(0x13b, "x"))} {
		b = planted(t, name, b, tags...)
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var said []map[string]any
		if err := json.Unmarshal(exiftool(t, "-j", "-ee", "-n", "-G1", file), &said); err != nil {
			t.Fatal(err)
		}
		s := read(t, b)
		compared := 0
		for key, v := range said[0] {
			group, tag, _ := strings.Cut(key, ":")
			if group != "IFD0" && group != "ExifIFD" && !strings.HasPrefix(group, "XMP-") {
				continue
			}
			switch tag {
			case "Make", "Model", "SerialNumber", "LensModel", "DateTimeOriginal", "CreateDate", "ModifyDate", "CreatorTool":
				compared++
				want := fmt.Sprint(v)
				if strings.HasPrefix(group, "XMP-") && strings.HasSuffix(tag, "Date") { // exiftool writes XMP's dates its own way
					want = strings.Replace(strings.Replace(want, ":", "-", 2), " ", "T", 1)
				}
				wants(t, s, want)
			}
		}
		if compared < 8 {
			t.Errorf("%s: only %d tags to compare with: %v", name, compared, said[0])
		}
		lat, lon := said[0]["Composite:GPSLatitude"].(float64), said[0]["Composite:GPSLongitude"].(float64)
		if len(s.Track) != 1 || math.Abs(s.Track[0].Latitude-lat) > 1e-7 || math.Abs(s.Track[0].Longitude-lon) > 1e-7 {
			t.Errorf("%s: track %+v, exiftool says %v, %v", name, s.Track, lat, lon)
		}
		if want := strings.TrimSuffix(fmt.Sprint(said[0]["Composite:GPSDateTime"]), "Z"); len(s.Track) == 1 && s.Track[0].Time != want+"Z" {
			t.Errorf("%s: time %q, exiftool says %q", name, s.Track[0].Time, want)
		}
	}
}
