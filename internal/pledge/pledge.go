// Package pledge says how a promise with a day stands. It is arithmetic on days and
// on what people say; nothing here is kept, and "overdue" least of all. It stands on
// the calendars of package appeal, so that a promise has the clocks of an appeal.
package pledge

import (
	"kua/internal/appeal"
	"kua/internal/locale"
)

// Word is how a pledge stands in one word.
type Word string

// The words.
const (
	Open      Word = "open"
	Overdue   Word = "overdue"   // its day is past and nothing was said
	Kept      Word = "kept"      // says whoever gave it
	Confirmed Word = "confirmed" // and those who waited for it
	Disputed  Word = "disputed"  // those who waited for it say that it was not kept, or only partly
	TakenBack Word = "taken_back"
)

// enough is how many of those who waited must say the same before it counts.
const enough = 2

// Facts are all that the standing of a pledge hangs on.
type Facts struct {
	Due       appeal.Day // the day that was pledged
	Kept      appeal.Day // on which whoever gave it said that it is kept; "": not yet
	TakenBack bool
	Yes       int64 // who waited for it and say that it was kept
	Contrary  int64 // and who say that it was not, or only partly
}

// Standing is how a pledge stands on a day.
type Standing struct {
	Word   Word
	Until  appeal.Day // the last day on which it is kept in time: its day, or the first worked day after it
	Late   int        // calendar days after Until: by which it was said to be kept, or that have passed; 0: none
	Why    []locale.Sentence
	Doubts []locale.Sentence
}

// Stand works out how a pledge stands. A day off moves its last day to the next
// worked one, as the clocks of appeals do; where the calendar does not know the
// year the day stays, and a doubt says so.
//
// Two who waited dispute it; two confirm it, as long as nobody who waited says
// otherwise. Whoever gave it could have been among them: one dissenter outweighs them.
func Stand(f Facts, c appeal.Calendar, today appeal.Day) Standing {
	s := Standing{Word: Open, Until: f.Due}
	until, why, doubts, err := c.OrNext(f.Due)
	if err != nil {
		s.Doubts = append(s.Doubts, locale.Say("pledge.doubt.year", c.ID, f.Due.Year()))
	} else {
		s.Until, s.Why, s.Doubts = until, why, doubts
	}
	ended := today
	if f.Kept != "" {
		ended = f.Kept
	}
	if ended > s.Until && !f.TakenBack {
		s.Late = s.Until.Until(ended)
	}
	switch {
	case f.TakenBack:
		s.Word = TakenBack
	case f.Kept == "" && s.Late > 0:
		s.Word = Overdue
	case f.Kept == "":
	case f.Contrary >= enough:
		s.Word = Disputed
	case f.Yes >= enough && f.Contrary == 0:
		s.Word = Confirmed
	default:
		s.Word = Kept
	}
	return s
}
