package media

import (
	"context"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync"

	"kua/internal/fault"
)

const ffmpegFile = "/usr/bin/ffmpeg"

// asked is what the ffmpeg of a file called itself: starting it takes longer
// than most derivatives of a photo.
var asked struct {
	sync.Mutex
	file    os.FileInfo
	version string
}

// Tools names what makes derivatives, with versions: ffmpeg as it calls itself,
// and this program. Ffmpeg is asked once, and again when its file is another.
func Tools(ctx context.Context) ([]string, error) {
	asked.Lock()
	defer asked.Unlock()
	file, err := os.Stat(ffmpegFile)
	if err != nil {
		return nil, fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	if asked.file == nil || !os.SameFile(asked.file, file) || !asked.file.ModTime().Equal(file.ModTime()) || asked.file.Size() != file.Size() {
		out, err := exec.CommandContext(ctx, ffmpegFile, "-version").Output()
		words := strings.Fields(string(out))
		if err != nil || len(words) < 3 {
			return nil, fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
		}
		asked.file, asked.version = file, "ffmpeg "+plain(words[2], 40)
	}
	return []string{asked.version, "kua " + ownVersion()}, nil
}

func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return plain(s.Value, 12)
		}
	}
	return plain(info.Main.Version, 40)
}
