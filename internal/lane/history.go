package lane

import (
	"context"
	"crypto/rand"
	"fmt"

	"kua/internal/appeal"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Event is one act on a request, as it stands in its history for good. Before is
// the hash of the event before it, so the last hash covers the whole history.
type Event struct {
	Kind      string     `json:"kind"` // lane-event
	Request   int64      `json:"request"`
	Number    int64      `json:"number"`
	Before    string     `json:"before"`
	Day       appeal.Day `json:"day"`
	By        Actor      `json:"by"`
	Authority string     `json:"authority"`
	From      State      `json:"from"` // "": the request was sent
	To        State      `json:"to"`
	Reason    string     `json:"reason,omitempty"`
	Ground    Ground     `json:"ground,omitempty"` // of a withdrawal by the house
	On        appeal.Day `json:"on,omitempty"`
	Owner     string     `json:"owner,omitempty"`
	Reference string     `json:"reference,omitempty"` // the authority's number
	Picture   string     `json:"picture,omitempty"`   // of the authority: hash
	Pictures  []string   `json:"pictures,omitempty"`  // of the citizen: hashes
	Into      int64      `json:"into,omitempty"`
	Words     string     `json:"words,omitempty"`    // added by the holder, or said by the authority or its server; such an event moves nothing, but for that by which a post begins
	Begins    appeal.Day `json:"begins,omitempty"`   // of an announcement, which On ends
	Corrects  bool       `json:"corrects,omitempty"` // Words and days take the place of those before
	Update    string     `json:"update,omitempty"`   // what the authority's system calls its message, so that it is taken once
	Verdict   Word       `json:"verdict,omitempty"`
	Answer    int64      `json:"answer,omitempty"` // of a verdict: the number of the event that it judges
	Outcome   Result     `json:"outcome,omitempty"`
	Link      string     `json:"link,omitempty"`    // of an outcome
	Strikes   int64      `json:"strikes,omitempty"` // the number of the event whose outcome is taken back
	Source    string     `json:"source,omitempty"`  // of a case that was taken over: the system that it comes from

	Letter LetterFate `json:"letter,omitempty"` // what became of a letter that the authority's server refused; such an event moves nothing, but for what was brought by hand

	Blacks int64  `json:"blacks,omitempty"` // the number of the event whose words are erased
	Left   string `json:"left,omitempty"`   // the hash of what is left of that event
	Salt   string `json:"salt,omitempty"`   // so that nobody can guess erased words by the hash that stays

	Hash    string `json:"-"` // of what was kept at first; it covers all events before
	Blacked int64  `json:"-"` // the number of the event that erased this one's words; 0: they stand
}

const eventKind = "lane-event"

// write makes the storage's event of e.
func (e Event) write(request, number int64, before string) (body, hash string, err error) {
	e.Kind, e.Request, e.Number, e.Before, e.Salt = eventKind, request, number, before, rand.Text()
	b, err := canon.Marshal(e)
	if err != nil {
		return "", "", fmt.Errorf("write event %d: %w", number, err)
	}
	return string(b), canon.Hash(b), nil
}

// History gives all that happened to a request, after checking the chain: an
// event that was changed, taken out or put in between gives the fault
// lane.broken_history. Of events cut off at the end only a hash that was
// published can tell.
//
// An event whose words were erased keeps its place and its hash, by which the next
// one is bound to it. What is left of it is covered by the event that erased them.
func (l *Lane) History(ctx context.Context, id int64) ([]Event, error) {
	kept, err := l.db.Events(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		return nil, fault.NotFound("lane.no_request", id)
	}
	return readHistory(id, kept)
}

func readHistory(id int64, kept []lanedb.Event) ([]Event, error) {
	var all []Event
	before := ""
	left := map[int64]string{} // of events whose words are said to be erased
	for i, k := range kept {
		var e Event
		err := canon.Unmarshal([]byte(k.Body), &e)
		if err != nil || e.Kind != eventKind || e.Request != id || e.Number != int64(i+1) || e.Number != k.Number || e.Before != before || e.Blacks < 0 || e.Blacks >= e.Number {
			return nil, fault.Corrupt("lane.broken_history", id, i+1).Because(err)
		}
		before, e.Hash = k.Hash, k.Hash
		if e.Blacks != 0 && e.By == ByHouse {
			left[e.Blacks] = e.Left
			all[e.Blacks-1].Blacked = e.Number
		}
		all = append(all, e)
	}
	for i, k := range kept {
		is := canon.Hash([]byte(k.Body))
		if erased, there := left[k.Number]; is != k.Hash && !there || there && is != erased {
			return nil, fault.Corrupt("lane.broken_history", id, i+1)
		}
	}
	return all, nil
}
