package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kua/internal/fault"
)

// The machine voice is espeak-ng's own for the language (no recorded person's,
// no mbrola), at one pitch and loudness for everybody: nothing of the speaker
// goes into it but the words that a person typed.
const (
	speechFile = "speech.pcm" // in the box's output directory; never taken out of it
	voiceRate  = 22050        // samples a second of those voices
	voicePitch = "50"         // of 0 to 99
	voiceLoud  = "100"        // of 0 to 200
	// resampleStep samples of the voice are a whole number (320) at soundRate.
	resampleStep = 147
	// hushed is what counts as silence at the end of a line.
	hushed = 64
	// maxSpoken bounds one line in characters, maxSpokenLines their number.
	maxSpoken      = 1000
	maxSpokenLines = 5000
)

// voices, by language. There is none for Tajik, and none is made up: the
// Persian one reads another script.
var voices = map[string]string{"ru": "ru", "kk": "kk", "ky": "ky", "uz": "uz", "tk": "tk", "en": "en-gb"}

// speeds in words a minute: the first at which a line fits its room is taken.
var speeds = []string{"150", "180", "220", "270"}

// Voices gives the languages that there is a machine voice for.
func Voices() []string {
	all := make([]string, 0, len(voices))
	for language := range voices {
		all = append(all, language)
	}
	slices.Sort(all)
	return all
}

// validate holds speech to its bounds before a box is built for it.
func (s Speech) validate() error {
	if len(s.Lines) == 0 {
		return nil
	}
	if _, ok := voices[s.Language]; !ok {
		return fault.Invalid("media.no_voice", s.Language)
	}
	if len(s.Lines) > maxSpokenLines {
		return fault.TooLarge("media.speech_text", maxSpokenLines, maxSpoken)
	}
	for i, l := range s.Lines {
		if l.From < 0 || i > 0 && l.From < s.Lines[i-1].From {
			return fault.Invalid("media.plan")
		}
		if !utf8.ValidString(l.Text) || utf8.RuneCountInString(l.Text) > maxSpoken {
			return fault.TooLarge("media.speech_text", i+1, maxSpoken)
		}
	}
	return nil
}

// speak lets the machine voice say its lines, in a box of its own that holds
// the words and nothing of the original, and leaves the samples in dir. A line
// has room until the next begins or the film ends.
func (m *Runner) speak(ctx context.Context, s Speech, length time.Duration, dir string) ([]said, error) {
	if len(s.Lines) == 0 {
		return nil, nil
	}
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		return nil, fault.Missing("media.missing", "espeak-ng", "espeak-ng").Because(err)
	}
	answer, err := m.enter(ctx, visit{
		args: []string{"box"},
		job:  job{Do: "speech", Speech: s, Room: length},
		in:   bytes.NewReader(nil), out: dir,
		wall: wallBase + time.Duration(len(s.Lines))*time.Second,
	})
	if err != nil {
		return nil, err
	}
	strange := fault.New(fault.KindInternal, "media.box_died")
	var all []said
	if err := json.Unmarshal(answer, &all); err != nil || len(all) != len(s.Lines) {
		return nil, strange
	}
	var total, end int64
	for _, one := range all {
		if one.First < end || one.Samples < 0 || one.Samples > samplesIn(length) {
			return nil, strange
		}
		end = one.First + one.Samples
		total += one.Samples
	}
	info, err := os.Lstat(filepath.Join(dir, speechFile))
	if err != nil || !info.Mode().IsRegular() || info.Size() != 2*total {
		return nil, strange
	}
	return all, nil
}

// speech is the stage in the box for words: every line is spoken, brought to
// the rate of the film's sound and written behind the one before.
func (s *stage) speech() ([]said, error) {
	ctx := context.Background()
	out, err := os.OpenFile(filepath.Join(s.out, speechFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write what is spoken: %w", err)
	}
	defer out.Close()
	var all []said
	for i, l := range s.Speech.Lines {
		end := s.Room
		if i+1 < len(s.Speech.Lines) {
			end = min(end, s.Speech.Lines[i+1].From)
		}
		spoken, err := s.speakLine(ctx, l.Text, end-l.From, i+1)
		if err != nil {
			return nil, err
		}
		if _, err := out.Write(spoken); err != nil {
			return nil, toolFailed("media.speech_failed", err, &tail{})
		}
		all = append(all, said{samplesIn(l.From), int64(len(spoken) / 2)})
		s.report(time.Duration(i+1)*time.Second, time.Duration(len(s.Speech.Lines))*time.Second)
	}
	return all, out.Close()
}

// speakLine gives the samples of one line at the film's rate, spoken as slowly
// as its room allows.
func (s *stage) speakLine(ctx context.Context, text string, room time.Duration, number int) ([]byte, error) {
	for _, speed := range speeds {
		voice, err := s.voice(ctx, text, speed)
		if err != nil {
			return nil, err
		}
		voice = append(voice, make([]byte, pad(len(voice), 2*resampleStep))...)
		want := len(voice) / (2 * resampleStep) * 320
		if int64(want) > samplesIn(room) {
			continue
		}
		return resample(ctx, voice, want)
	}
	return nil, fault.Invalid("media.speech_too_long", number, tenths(room))
}

// tenths is a length in seconds, for a person.
func tenths(d time.Duration) string { return fmt.Sprintf("%.1f", max(0, d.Seconds())) }

// pad is what n lacks to whole steps.
func pad(n, step int) int { return (step - n%step) % step }

// voice has a line spoken. The words go in by a pipe, so they are neither
// options nor names of files; markup is off.
func (s *stage) voice(ctx context.Context, text, speed string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/usr/bin/espeak-ng", "-v", voices[s.Speech.Language], "-s", speed,
		"-p", voicePitch, "-a", voiceLoud, "-g", "0", "-k", "0", "-b", "1", "--stdin", "--stdout")
	said := &tail{max: 4 << 10}
	cmd.Stdin, cmd.Stderr = strings.NewReader(speakable(text)+"\n"), said
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fault.Missing("media.missing", "espeak-ng", "espeak-ng").Because(err)
	}
	const most = 2 * voiceRate * 600 // ten minutes of one line
	wave, err := io.ReadAll(io.LimitReader(pipe, most))
	_, _ = io.Copy(io.Discard, pipe)
	if waited := cmd.Wait(); err != nil || waited != nil {
		return nil, toolFailed("media.speech_failed", waited, said)
	}
	return samplesOf(wave)
}

// speakable takes out what espeak-ng would take for a command and not for
// words: its phonemes in square brackets, control characters, markup.
func speakable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune("[]{}<>|\\", r) {
			return ' '
		}
		return r
	}, text)
}

// samplesOf takes the samples out of espeak-ng's WAV file, whose lengths are
// made up because it is written to a pipe, without the silence at its end.
func samplesOf(wave []byte) ([]byte, error) {
	le := binary.LittleEndian
	if len(wave) < 44 || string(wave[:4]) != "RIFF" || string(wave[8:16]) != "WAVEfmt " || string(wave[36:40]) != "data" ||
		le.Uint16(wave[20:]) != 1 || le.Uint16(wave[22:]) != 1 || le.Uint32(wave[24:]) != voiceRate || le.Uint16(wave[34:]) != 16 {
		return nil, fault.Invalid("media.speech_failed")
	}
	voice := wave[44 : 44+(len(wave)-44)&^1]
	for n := int64(len(voice)/2) - 1; n >= 0; n-- {
		if v := get(voice, n); v < -hushed || v > hushed {
			return voice[:2*(n+1)], nil
		}
	}
	return nil, fault.Invalid("media.speech_failed") // it said nothing
}

// resample brings the voice to the rate of the film's sound: want samples.
func resample(ctx context.Context, voice []byte, want int) ([]byte, error) {
	cmd, said := tool(ctx, "ffmpeg", "-protocol_whitelist", "pipe", "-f", "s16le", "-ar", fmt.Sprint(voiceRate), "-ac", "1", "-i", "pipe:0",
		"-af", fmt.Sprintf("aresample=%d,apad,atrim=end_sample=%d", soundRate, want), "-f", "s16le", "-ac", "1", "-ar", fmt.Sprint(soundRate), "pipe:1")
	cmd.Stdin = bytes.NewReader(voice)
	out, err := cmd.Output()
	if err != nil || len(out) != 2*want {
		return nil, toolFailed("media.speech_failed", err, said)
	}
	return out, nil
}
