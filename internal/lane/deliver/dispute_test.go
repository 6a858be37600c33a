package deliver_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"kua/internal/lane"
)

// TestSupportersDisputeIsTold: an authority hears of what supporters say once for
// each answer, when their words turn it into a disputed one: not of the first word,
// not of those that follow, of none that is good, and in none of their words.
func TestSupportersDisputeIsTold(t *testing.T) {
	onEngines(t, func(t *testing.T, at string) {
		city := realCity().(fstest.MapFS)
		kinds := city["categories.yaml"]
		kinds.Data = []byte(strings.ReplaceAll(string(kinds.Data), "proof: photo", "proof: none")) // an answer without a picture
		h, p := newHouse(t, at, city), &post{}
		l, w, d := h.lane, h.worker(0, p.send), pothole()
		id := submit(t, l, d)
		var friends []string
		for range 5 {
			friends = append(friends, lane.NewCode())
			check(t, l.Support(t.Context(), id, friends[len(friends)-1]))
		}
		h.drain(w)
		part := func() lane.Assignment {
			r, err := l.Request(t.Context(), id)
			check(t, err)
			return r.Assignments[0]
		}
		mend := func() {
			a := part()
			check(t, l.Move(t.Context(), a.Number, a.Step, lane.Move{To: lane.Mended, By: lane.ByOfficial}))
		}
		say := func(code string, word lane.Word, letters int) {
			t.Helper()
			a := part()
			check(t, l.Judge(t.Context(), lane.Verdict{Code: code, Assignment: a.Number, Answer: a.Answer, Says: word, Words: "чужие слова"}))
			h.drain(w)
			if len(p.sent) != letters {
				t.Fatalf("after %s there are %d letters, want %d", word, len(p.sent), letters)
			}
		}
		mend()
		say(friends[0], lane.SaysMended, 1)
		say(friends[1], lane.SaysNot, 1)
		say(friends[1], lane.SaysNot, 1) // sent twice
		say(friends[2], lane.SaysPartly, 2)
		say(friends[3], lane.SaysNot, 2)
		say(friends[4], lane.SaysMended, 2)
		text := p.sent[1].Text
		if !strings.Contains(text, "считается оспоренным") || strings.Contains(text, "чужие слова") || !strings.Contains(text, "Посмотреть, в том числе") || token(t, p.sent[1]) == "" {
			t.Errorf("the dispute is told so:\n%s", text)
		}
		if a := part(); a.State != lane.Mended || a.Standing != lane.Disputed {
			t.Errorf("it is %s and counts as %s, want mended and disputed", a.State, a.Standing)
		}
		say(d.Code, lane.SaysNot, 3) // its holder opens it again, which is told as ever
		mend()
		say(friends[1], lane.SaysNot, 3)
		say(friends[2], lane.SaysNot, 4) // a new answer, asked of anew
	})
}
