package media

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"kua/internal/fault"
)

// tone gives how loud one frequency is between two moments, in decibels below
// full scale (Goertzel's algorithm).
func tone(s []int16, hertz float64, from, to time.Duration) float64 {
	a, b := int(from*48000/time.Second), min(len(s), int(to*48000/time.Second))
	w := 2 * math.Cos(2*math.Pi*hertz/48000)
	var s1, s2 float64
	for i, v := range s[a:b] {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(b-a))
		s1, s2 = hann*float64(v)/32768+w*s1-s2, s1
	}
	n := float64(b-a) / 4 // a full sine under this window
	return 10 * math.Log10((s1*s1+s2*s2-w*s1*s2)/(n*n)+1e-12)
}

const (
	voiceTone = 440.0  // stands for somebody's voice
	shotTone  = 1500.0 // stands for a shot, from 3 s to 5 s
)

// toned is a film of 10 seconds with a voice all the time but for a shot in the
// middle, which has a tone of its own.
func toned(t *testing.T, name string, picture bool) string {
	var args []string
	if picture {
		args = append(args, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=10", "-map", "0:v", "-map", "1:a", "-preset", "ultrafast")
		args = append(args[:4], append([]string{"-f", "lavfi", "-i", tones}, args[4:]...)...)
	} else {
		args = append(args, "-f", "lavfi", "-i", tones)
	}
	return sample(t, name, args...)
}

var tones = fmt.Sprintf("aevalsrc='0.5*if(between(t,3,5),sin(2*PI*%f*t),sin(2*PI*%f*t))':s=48000:d=10", shotTone, voiceTone)

// parts of a mix are looked at a little inside: coding smears what it codes.
const smear = 150 * time.Millisecond

func moment(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

func quiet(t *testing.T, rung string, s []int16, from, to float64) {
	t.Helper()
	if db := loudness(s, moment(from)+smear, moment(to)-smear); db > -60 {
		t.Errorf("%s is at %.0f dB from %v s to %v s, where it must be silent", rung, db, from, to)
	}
}

// audibles is the sound of each rendition of a small film that has any.
func audibles(t *testing.T, made map[string]Rendition) map[string][]int16 {
	t.Helper()
	var all []Rendition
	for _, rung := range []string{"audio", "audio-m4a", "144p", "240p"} {
		if r, ok := made[rung]; ok {
			all = append(all, r)
		}
	}
	if len(all) != 4 {
		t.Fatalf("%d renditions with sound, want 4", len(all))
	}
	return sounds(t, all...)
}

// TestKeptSound keeps a shot in a muted film: its tone is there, the voice
// beside it is not, and silence is silent.
func TestKeptSound(t *testing.T) {
	made := renderFilm(t, toned(t, "a.mp4", true), Plan{MuteAll: true, Keeps: []Keep{{From: 3 * time.Second, To: 5 * time.Second}}})
	for rung, s := range audibles(t, made) {
		quiet(t, rung, s, 0, 3)
		quiet(t, rung, s, 5, 10)
		if db := tone(s, shotTone, 3*time.Second+smear, 5*time.Second-smear); db < -12 {
			t.Errorf("%s: the kept tone is at %.0f dB", rung, db)
		}
		for _, at := range []time.Duration{0, 2500 * time.Millisecond, 3 * time.Second, 4500 * time.Millisecond, 5 * time.Second} {
			if db := tone(s, voiceTone, at, at+500*time.Millisecond); db > -50 {
				t.Errorf("%s: the voice is at %.0f dB at %v", rung, db, at)
			}
		}
	}
}

// TestMutesWin mutes a part of what is kept, and keeps what touches.
func TestMutesWin(t *testing.T) {
	made := renderFilm(t, toned(t, "a.mp4", true), Plan{MuteAll: true,
		Keeps: []Keep{{From: 4 * time.Second, To: 5 * time.Second}, {From: 3 * time.Second, To: 4 * time.Second}},
		Mutes: []Mute{{From: 3500 * time.Millisecond, To: 4200 * time.Millisecond}}})
	for rung, s := range audibles(t, made) {
		quiet(t, rung, s, 3.5, 4.2)
		for _, at := range []time.Duration{3100 * time.Millisecond, 4500 * time.Millisecond} {
			if db := tone(s, shotTone, at, at+300*time.Millisecond); db < -12 {
				t.Errorf("%s: the kept tone is at %.0f dB at %v", rung, db, at)
			}
		}
	}
}

// TestMixIsExact looks at the samples before they are coded.
func TestMixIsExact(t *testing.T) {
	const n = 10 * soundRate / 10 // one second
	pcm := make([]byte, 2*n)
	for i := range int64(n) {
		put(pcm, i, 10000)
	}
	voice := make([]byte, 2*4800)
	for i := range int64(4800) {
		put(voice, i, 30000)
	}
	ms := time.Millisecond
	mix := func(m *mixer) []byte {
		var out bytes.Buffer
		if _, err := m.copy(&out, bytes.NewReader(pcm), time.Hour, func(time.Duration) {}); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	got := mix(&mixer{keeps: kept([]Keep{{200 * ms, 500 * ms}, {400 * ms, 600 * ms}}), mutes: []Mute{{300 * ms, 340 * ms}},
		said: []said{{48 * 550, 2400}, {48 * 900, 2400}}, voice: bytes.NewReader(voice)})
	for _, tt := range []struct {
		what     string
		from, to int64 // milliseconds
		want     int64
	}{
		{"before", 0, 220, 0}, {"faded in", 231, 279, 10000}, {"muted, widened", 280, 360, 0}, {"after the mute", 361, 549, 10000},
		{"kept and spoken, cut at full scale", 551, 569, math.MaxInt16}, {"spoken alone", 581, 599, 30000}, {"after", 600, 899, 0}, {"spoken", 901, 949, 30000}, {"end", 950, 1000, 0},
	} {
		for i := tt.from * 48; i < tt.to*48; i++ {
			if v := get(got, i); v != tt.want {
				t.Errorf("%s: sample %d is %d, want %d", tt.what, i, v, tt.want)
				break
			}
		}
	}
	for i := int64(1); i < n; i++ { // no click where a kept range comes or goes
		at := i / 48
		if d := get(got, i) - get(got, i-1); (at < 270 || at > 370 && at < 540) && (d > 200 || d < -200) {
			t.Fatalf("a step of %d at %d ms", d, at)
		}
	}
	// What was said goes on after an original that ended early.
	late := mix(&mixer{open: true, said: []said{{48 * 1200, 4800}}, voice: bytes.NewReader(voice)})
	if len(late) != 2*48*1300 || get(late, 48*1250) != 30000 || get(late, 48*1100) != 0 {
		t.Errorf("%d bytes after the end of the original", len(late)-2*n)
	}
}

// TestSpeech lets a machine voice say lines in every language that has one: it
// is heard from its time on, silence is around it, and of the person's own voice
// nothing is left.
func TestSpeech(t *testing.T) {
	file := toned(t, "a.mp4", true)
	for language, text := range map[string]string{
		"ru": "Откройте дверь!", "kk": "Есікті ашыңыз!", "ky": "Эшикти ачыңыз!", "uz": "Eshikni oching!", "tk": "Gapyny açyň!", "en": "Open the door!",
	} {
		if language != "kk" {
			if _, err := runner(t).speak(context.Background(), Speech{language, []Line{{0, text}}}, 10*time.Second, t.TempDir()); err != nil {
				t.Errorf("%s: %v", language, err)
			}
			continue
		}
		plan := Plan{MuteAll: true, Mutes: []Mute{{2 * time.Second, 3 * time.Second}}, Speech: Speech{language, []Line{{2 * time.Second, text}, {6 * time.Second, text}}}}
		made := renderFilm(t, file, plan)
		for rung, s := range audibles(t, made) {
			quiet(t, rung, s, 0, 2)
			quiet(t, rung, s, 4.5, 6)
			quiet(t, rung, s, 8.5, 10)
			for _, at := range []time.Duration{2 * time.Second, 6 * time.Second} {
				if db := loudness(s, at, at+time.Second); db < -35 {
					t.Errorf("%s: the line at %v is at %.0f dB", rung, at, db)
				}
			}
			for at := time.Duration(0); at < 9*time.Second; at += 500 * time.Millisecond {
				if db := tone(s, shotTone, at, at+500*time.Millisecond); at >= 4500*time.Millisecond && at < 6*time.Second && db > -60 {
					t.Errorf("%s: the original is at %.0f dB at %v", rung, db, at)
				}
			}
		}
		again := renderFilm(t, file, plan)
		for rung, r := range made {
			a, err := os.ReadFile(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(again[rung].Path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a, b) {
				t.Errorf("%s differs between two renderings", rung)
			}
		}
	}
}

// TestSpeechTellsNothingOfTheSpeaker renders two originals with different
// voices and the same line: every sound is the same, byte for byte.
func TestSpeechTellsNothingOfTheSpeaker(t *testing.T) {
	plan := Plan{MuteAll: true, Speech: Speech{"ru", []Line{{time.Second, "Что вы делаете?"}}}}
	var first map[string][]byte
	voices := manySamples(t, []string{"-f", "lavfi", "-i", "sine=f=180:d=5", "-f", "lavfi", "-i", "sine=f=330:d=5"},
		fixture{"a.wav", []string{"-map", "0"}}, fixture{"b.wav", []string{"-map", "1"}})
	for _, file := range voices {
		now := map[string][]byte{}
		for _, r := range renderSound(t, file, plan) {
			var err error
			if now[r.Rung], err = os.ReadFile(r.Path); err != nil {
				t.Fatal(err)
			}
			if first != nil && !bytes.Equal(first[r.Rung], now[r.Rung]) {
				t.Errorf("%s tells one speaker from another", r.Rung)
			}
		}
		first = now
	}
	if len(first) != 2 {
		t.Errorf("%d renditions", len(first))
	}
}

// TestSpeechOfASilentFilm gives a voice to a film that has no sound.
func TestSpeechOfASilentFilm(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=4", "-preset", "ultrafast")
	made := renderFilm(t, file, Plan{MuteAll: true, Speech: Speech{"en", []Line{{time.Second, "Open the door!"}}}})
	s := sounds(t, made["240p"])["240p"]
	if db := loudness(s, time.Second, 2*time.Second); db < -35 {
		t.Errorf("the line is at %.0f dB", db)
	}
	quiet(t, "240p", s, 0, 1)
}

// TestSpeechFits speeds a line up as far as it stays words, and no further.
func TestSpeechFits(t *testing.T) {
	long := "Мы стояли у ворот, и тогда они начали бить людей, которые лежали на земле."
	say := func(room time.Duration) (int64, error) {
		said, err := runner(t).speak(context.Background(), Speech{"ru", []Line{{time.Second, long}, {time.Second + room, "Да."}}}, time.Minute, t.TempDir())
		if err != nil {
			return 0, err
		}
		return said[0].Samples, nil
	}
	calm, err := say(20 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	room := time.Duration(calm) * time.Second / soundRate * 3 / 4
	quick, err := say(room)
	if err != nil {
		t.Fatal(err)
	}
	if quick >= calm || quick > samplesIn(room) {
		t.Errorf("%d samples in room for %d, %d when calm", quick, samplesIn(room), calm)
	}
	_, err = say(time.Second)
	wantFault(t, err, "media.speech_too_long")
}

// TestNoVoice refuses what nobody can say, in time.
func TestNoVoice(t *testing.T) {
	file := toned(t, "a.wav", false)
	for key, plan := range map[string]Plan{
		"media.no_voice":  {MuteAll: true, Speech: Speech{"tg", []Line{{0, "Дарро кушоед!"}}}},
		"media.plan":      {Speech: Speech{"ru", []Line{{0, "Да"}}}}, // over the people's own voices
		"media.all_muted": {MuteAll: true},
	} {
		_, err := runner(t).Sound(context.Background(), input(t, file), plan, t.TempDir(), nil)
		wantFault(t, err, key)
	}
	// Commands are words, or nothing: no phonemes, no markup, no options.
	for _, text := range []string{"[[h@'loU]] да", "<voice name='en'>да</voice>", "--help да", "-f /etc/passwd да", "\x0199P да"} {
		if _, err := runner(t).speak(context.Background(), Speech{"ru", []Line{{0, text}}}, time.Minute, t.TempDir()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	// A machine without the voice says what to install.
	t.Setenv("PATH", t.TempDir())
	_, err := runner(t).speak(context.Background(), Speech{"ru", []Line{{0, "Да"}}}, time.Minute, t.TempDir())
	if f, ok := fault.Of(err); !ok || f.Kind != fault.KindMissing || f.Args[1] != "espeak-ng" {
		t.Errorf("without espeak-ng: %v", err)
	}
}
