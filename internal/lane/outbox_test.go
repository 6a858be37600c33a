package lane

import (
	"slices"
	"testing"

	"kua/internal/lane/lanedb"
)

// TestTells: of an act on one part its own authority hears, of one on the whole
// everybody whose part is open, and of what officials and the house's own
// deliveries do nobody.
func TestTells(t *testing.T) {
	all := []lanedb.Assignment{{Number: 1, Authority: "water", State: string(InWork)}, {Number: 2, Authority: "roads", State: string(Registered)},
		{Number: 3, Authority: "city-hall", State: string(Refused)}}
	for name, c := range map[string]struct {
		e    Event
		want []int64
	}{
		"words of the holder":      {Event{By: ByHolder, Words: "x"}, []int64{1, 2}},
		"an outcome":               {Event{By: ByHolder, Outcome: ResultNothing}, []int64{1, 2}},
		"it is opened again":       {Event{By: ByHolder, Authority: "water", From: Mended, To: InWork}, []int64{1}},
		"another's is judged":      {Event{By: BySupporter, Authority: "city-hall", From: Refused, To: Refused, Verdict: SaysNot}, nil},
		"an official's answer":     {Event{By: ByOfficial, Authority: "water", From: Delivered, To: InWork}, nil},
		"that it was delivered":    {Event{By: ByHouse, Authority: "roads", From: Routed, To: Delivered}, nil},
		"a question is answered":   {Event{By: ByHolder, Authority: "water", From: InfoNeeded, To: InWork, Reason: "x"}, []int64{1}},
		"an outcome is taken back": {Event{By: ByHouse, Strikes: 4, Reason: "x"}, []int64{1, 2}},
	} {
		c.e.Day = "2026-11-28"
		body, _, err := c.e.write(1, 5, "")
		if err != nil {
			t.Fatal(err)
		}
		told, err := tells(body, all)
		var got []int64
		for _, one := range told {
			got = append(got, one.Assignment)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s is told to %v, %v, want %v", name, got, err, c.want)
		}
	}
}
