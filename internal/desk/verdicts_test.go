package desk

import (
	"errors"
	"io"
	"strings"
	"testing"

	"kua/internal/evidence"
	"kua/internal/gate"
)

// TestVerdicts: what was found clean is known again, and nothing else: not other
// bytes, another type, other needles, what was refused, nor what changed while it
// was judged.
func TestVerdicts(t *testing.T) {
	var v verdicts
	asked := 0
	judge := func(bytes, mediaType string, n gate.Needles, answer error) error {
		return v.judge(io.NewSectionReader(strings.NewReader(bytes), 0, int64(len(bytes))), mediaType, n, func() error {
			asked++
			return answer
		})
	}
	few := gate.Needles{Values: []gate.Needle{{From: "name", Text: "made up"}}}
	leak := errors.New("a leak")
	for _, c := range []struct {
		what, bytes, mediaType string
		needles                gate.Needles
		answer                 error
		asked                  bool
	}{
		{"refused", "film", "video/mp4", few, leak, true},
		{"after it was refused", "film", "video/mp4", few, nil, true},
		{"the same again", "film", "video/mp4", few, leak, false},
		{"other bytes", "filn", "video/mp4", few, nil, true},
		{"another type", "film", "audio/mp4", few, nil, true},
		{"no needles", "film", "video/mp4", gate.Needles{}, nil, true},
		{"the first still", "film", "video/mp4", few, leak, false},
	} {
		before := asked
		err := judge(c.bytes, c.mediaType, c.needles, c.answer)
		if (asked > before) != c.asked || c.asked && !errors.Is(err, c.answer) || !c.asked && err != nil {
			t.Errorf("%s: asked %v, %v", c.what, asked > before, err)
		}
	}

	swapped := &swapping{"good", "evil"}
	whole := io.NewSectionReader(swapped, 0, 4)
	for range 2 { // the second look must be taken too
		before := asked
		if err := v.judge(whole, "video/mp4", few, func() error {
			asked++
			swapped.now, swapped.then = swapped.then, swapped.now
			return nil
		}); err != nil || asked != before+1 {
			t.Errorf("what changed while it was judged: asked %d times, %v", asked-before, err)
		}
	}

	o := evidence.Original{SHA256: "aa", Name: "film.mp4", Parcel: "p"}
	read := 0
	needles := func(o evidence.Original) {
		if n, err := v.needlesOf(o, func() (gate.Needles, error) { read++; return few, nil }); err != nil || len(n.Values) != 1 {
			t.Errorf("needlesOf = %+v, %v", n, err)
		}
	}
	needles(o)
	needles(o)
	renamed := o
	renamed.Name = "other.mp4"
	needles(renamed)
	if read != 2 {
		t.Errorf("needles were read %d times, want 2", read)
	}
}

type swapping struct{ now, then string }

func (s *swapping) ReadAt(p []byte, off int64) (int, error) {
	return strings.NewReader(s.now).ReadAt(p, off)
}
