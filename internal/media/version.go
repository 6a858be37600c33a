package media

import (
	"context"
	"os/exec"
	"runtime/debug"
	"strings"

	"kua/internal/fault"
)

// Tools names what makes derivatives, with versions: ffmpeg as it calls itself,
// and this program.
func Tools(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "/usr/bin/ffmpeg", "-version").Output()
	words := strings.Fields(string(out))
	if err != nil || len(words) < 3 {
		return nil, fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	return []string{"ffmpeg " + plain(words[2], 40), "kua " + ownVersion()}, nil
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
