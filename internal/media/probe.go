package media

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
	"time"

	"kua/internal/fault"
)

// Probe looks at an original. A file that is no medium we know is not an error
// but Type Unknown; one that claims to be a medium and is broken is a fault,
// and so is a picture or film beyond the limits.
func (m *Runner) Probe(ctx context.Context, in Input) (Probe, error) {
	if in.Size() == 0 {
		return Probe{}, fault.Invalid("media.empty")
	}
	f, err := sniff(in)
	if err != nil {
		return Probe{}, err
	}
	if f.Type == Document || f == formatUnknown {
		return Probe{Type: f.Type, Format: f.Name}, nil
	}
	answer, err := m.enter(ctx, visit{
		args: []string{"box"}, job: job{Do: "probe", Format: f}, in: in, wall: 2 * time.Minute, tmp: f.tmp(),
	})
	if err != nil {
		return Probe{}, err
	}
	var p Probe
	if err := json.Unmarshal(answer, &p); err != nil || !p.sane(m.Limits.withDefaults()) {
		return Probe{}, fault.New(fault.KindInternal, "media.box_died")
	}
	p.Format = f.Name
	return p, nil
}

// sane distrusts the box's answer: later steps do arithmetic with it.
func (p Probe) sane(l Limits) bool {
	picture := p.Width > 0 && p.Height > 0 && p.Width <= 1<<16 && p.Height <= 1<<16
	switch p.Type {
	case Film:
		return picture && p.Width*p.Height <= 2*l.FramePixels && p.Duration >= 0 && p.Duration <= l.Duration && len(p.Streams) <= 64
	case Sound:
		return p.Duration >= 0 && p.Duration <= l.Duration && len(p.Streams) <= 64
	case Photo:
		return picture && p.Width*p.Height <= l.PhotoPixels
	}
	return p.Type == Unknown
}

// wall is how long work on all of it may take, where Limits do not say.
func (p Probe) wall() time.Duration {
	if p.Type == Document { // whose pages are counted only in the box
		return wallBase + maxPages*wallPage
	}
	return wallBase + wallFactor*p.Duration
}

func (p Probe) shown() image.Point { return image.Pt(p.Width, p.Height) }

// stream finds the first of a kind.
func (p Probe) stream(kind string) (Stream, bool) {
	for _, s := range p.Streams {
		if s.Kind == kind {
			return s, true
		}
	}
	return Stream{}, false
}

// probed is what ffprobe says, as far as we ask. No text of the file is among it.
type probed struct {
	Streams []struct {
		Index       int
		CodecName   string `json:"codec_name"`
		CodecType   string `json:"codec_type"`
		Width       int
		Height      int
		Channels    int
		Aspect      string `json:"sample_aspect_ratio"`
		Matrix      string `json:"color_space"`
		Transfer    string `json:"color_transfer"`
		Primaries   string `json:"color_primaries"`
		Order       string `json:"field_order"`
		Rate        string `json:"avg_frame_rate"`
		Duration    string
		Disposition struct {
			Attached int `json:"attached_pic"`
		}
		SideData []struct { // of many kinds, of which one turns the picture
			Rotation *float64
		} `json:"side_data_list"`
	}
	Format struct {
		Duration string
		Start    string `json:"start_time"`
	}
}

// probe is the stage in the box.
func (s *stage) probe() (Probe, error) {
	if s.Format.Type == Photo && !s.moving() {
		return s.probePhoto()
	}
	ctx := context.Background()
	cmd, said := tool(ctx, "ffprobe", append(s.reading(), "-of", "json", "-show_entries",
		"format=duration,start_time:stream=index,codec_name,codec_type,width,height,channels,sample_aspect_ratio,color_space,color_transfer,color_primaries,field_order,avg_frame_rate,duration"+
			":stream_disposition=attached_pic:stream_side_data=rotation")...)
	var out bytes.Buffer
	cmd.Stdout = &limitedBuffer{b: &out, max: 1 << 20}
	if err := cmd.Run(); err != nil {
		return Probe{}, toolFailed("media.broken", err, said)
	}
	var found probed
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		return Probe{}, fault.Invalid("media.broken").Because(err)
	}
	p, err := found.judge(s.Limits)
	if err != nil {
		return Probe{}, err
	}
	// Where the clock begins late some count its end for the length, and some do not.
	late := s.Format == formatMatroska && seconds(found.Format.Start) > time.Second/2
	if p.Duration == 0 || late || s.Format.unmeasured() {
		if p.Duration, err = s.measure(ctx); err != nil {
			return Probe{}, err
		}
		for i := range p.Streams {
			p.Streams[i].Length = 0
		}
	}
	if p.Duration > s.Limits.Duration {
		return Probe{}, fault.TooLarge("media.too_long", int(s.Limits.Duration.Hours()))
	}
	p.Seconds = wholeSeconds(p.Duration)
	return p, nil
}

// judge makes a Probe of what ffprobe found.
func (f probed) judge(l Limits) (Probe, error) {
	var p Probe
	p.Duration = seconds(f.Format.Duration)
	for _, st := range f.Streams {
		kind := st.CodecType
		switch {
		case st.Disposition.Attached == 1:
			kind = "picture"
		case kind != "video" && kind != "audio" && kind != "subtitle" && kind != "data":
			kind = "other"
		}
		p.Streams = append(p.Streams, Stream{Index: st.Index, Kind: kind, Codec: plain(st.CodecName, 32), Channels: st.Channels, Length: seconds(st.Duration),
			Matrix: plain(st.Matrix, 16), Transfer: plain(st.Transfer, 16), Primaries: plain(st.Primaries, 16), Fields: plain(st.Order, 16)})
		p.Duration = max(p.Duration, seconds(st.Duration))
		if kind != "video" || p.Type == Film {
			continue
		}
		if st.Width <= 0 || st.Height <= 0 {
			return Probe{}, fault.Invalid("media.broken")
		}
		if st.Width*st.Height > l.FramePixels {
			return Probe{}, fault.TooLarge("media.too_many_pixels", st.Width, st.Height)
		}
		p.Type, p.FrameRate = Film, ratio(st.Rate, ":/")
		p.Width, p.Height = shape(st.Width, st.Height, ratio(st.Aspect, ":/"))
		for _, d := range st.SideData {
			if d.Rotation != nil {
				p.Rotation = ((int(math.Round(-*d.Rotation/90))*90)%360 + 360) % 360
			}
		}
		if p.Rotation%180 == 90 {
			p.Width, p.Height = p.Height, p.Width
		}
	}
	if p.Type != Film {
		if !p.HasSound() {
			return Probe{}, fault.Invalid("media.nothing_inside")
		}
		p.Type = Sound
	}
	return p, nil
}

// shape makes square pixels of a stream whose pixels are not, the way browsers
// do: by stretching, never by shrinking.
func shape(w, h int, aspect float64) (int, int) {
	switch {
	case aspect > 1 && aspect < 10:
		w = int(math.Round(float64(w) * aspect))
	case aspect > 0.1 && aspect < 1:
		h = int(math.Round(float64(h) / aspect))
	}
	return w, h
}

// measure finds the duration of a file that does not say it, as browsers record
// them: the end of its last packet.
func (s *stage) measure(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, said := tool(ctx, "ffprobe", append(s.reading(), "-of", "csv=p=0", "-show_entries", "packet=pts_time,duration_time")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fault.Missing("media.missing", "ffprobe", "ffmpeg").Because(err)
	}
	var first, last time.Duration = -1, 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		at, long, _ := strings.Cut(strings.TrimSuffix(lines.Text(), ","), ",")
		if at == "N/A" || at == "" {
			continue
		}
		if first < 0 {
			first = seconds(at)
		}
		last = max(last, seconds(at)+seconds(long))
	}
	if err := cmd.Wait(); err != nil {
		return 0, toolFailed("media.broken", err, said)
	}
	return max(0, last-max(0, first)), nil
}

func seconds(s string) time.Duration {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) || v > 1e7 {
		return 0
	}
	return time.Duration(v * float64(time.Second))
}

// ratio reads "30000/1001" or "4:3"; 0 if it says nothing.
func ratio(s, marks string) float64 {
	i := strings.IndexAny(s, marks)
	if i < 0 {
		return 0
	}
	a, err1 := strconv.ParseFloat(s[:i], 64)
	b, err2 := strconv.ParseFloat(s[i+1:], 64)
	if err1 != nil || err2 != nil || b == 0 {
		return 0
	}
	return a / b
}

// wholeSeconds rounds up: an exact duration is a fingerprint of the original. A
// last frame's worth beyond a whole second does not count.
func wholeSeconds(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	const slack = 60 * time.Millisecond
	return max(1, int((d-slack+time.Second-1)/time.Second))
}

// limitedBuffer refuses to grow beyond max.
type limitedBuffer struct {
	b   *bytes.Buffer
	max int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > l.max {
		return 0, fmt.Errorf("more than %d bytes", l.max)
	}
	return l.b.Write(p)
}
