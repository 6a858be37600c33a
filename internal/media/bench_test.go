package media

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkFilm renders 1080p and prints ratios of time, all measured in this
// run: three moving covers, and as many reveals of a covered film, looked after
// in every rung, against none; and the
// box with its decoder, painter and encoders against one bare ffmpeg that
// makes the same four films and sounds of the same file.
func BenchmarkFilm(b *testing.B) {
	const length = 8 * time.Second
	file := sample(b, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30:d=8,noise=alls=12:allf=t", "-f", "lavfi", "-i", "sine=440:d=8",
		"-c:v", "libx264", "-preset", "veryfast", "-b:v", "12M", "-c:a", "aac")
	covers := []Cover{
		{W: 300, H: 300, To: length, Points: []At{{0, 100, 100}, {length, 1500, 700}}},
		{W: 200, H: 120, To: length, Points: []At{{0, 1700, 900}, {length / 2, 300, 200}, {length, 1500, 80}}},
		{W: 500, H: 400, From: length / 4, To: length / 2, Points: []At{{0, 700, 300}}},
	}
	in := input(b, file)
	var plain, covered, revealed, bare time.Duration
	timed := func(f func() error) time.Duration {
		start := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	render := func(p Plan) func() error {
		return func() error {
			_, err := runner(b).Film(context.Background(), in, p, b.TempDir(), nil)
			return err
		}
	}
	for b.Loop() {
		plain += timed(render(Plan{}))
		covered += timed(render(Plan{Covers: covers}))
		revealed += timed(render(Plan{Covered: true, Reveals: covers}))
		bare += timed(func() error { return bareLadder(file, b.TempDir()) })
	}
	b.ReportMetric(covered.Seconds()/plain.Seconds(), "covers/none")
	b.ReportMetric(revealed.Seconds()/plain.Seconds(), "reveals/none")
	b.ReportMetric(plain.Seconds()/bare.Seconds(), "box/bare")
	b.ReportMetric(plain.Seconds()/(float64(b.N)*length.Seconds()), "s/s-of-film")
}

// bareLadder is what one would type without any of this.
func bareLadder(file, dir string) error {
	args := []string{"-v", "error", "-nostdin", "-y", "-i", file, "-filter_complex",
		"[0:v]split=4[a][b][c][d];[a]fps=12,scale=256:144:flags=area[a1];[b]fps=15,scale=426:240:flags=area[b1];[c]fps=25,scale=640:360:flags=area[c1];[d]fps=30,scale=854:480:flags=area[d1]"}
	for i, st := range ladder {
		args = append(args, "-map", "["+string(rune('a'+i))+"1]", "-map", "0:a",
			"-c:v", "libx264", "-preset", "medium", "-profile:v", st.profile, "-crf", []string{"30", "29", "27", "25"}[i],
			"-maxrate", []string{"72k", "150k", "400k", "900k"}[i], "-bufsize", []string{"144k", "300k", "800k", "1800k"}[i], "-threads", "1")
		args = append(args, inFilms[i].args...)
		args = append(args, filepath.Join(dir, st.name+".mp4"))
	}
	args = append(args, "-map", "0:a")
	args = append(append(args, opus16.args...), filepath.Join(dir, "a.webm"))
	return exec.Command("ffmpeg", args...).Run()
}
