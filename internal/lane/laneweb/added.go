package laneweb

import (
	"strconv"

	"kua/internal/fault"
	"kua/internal/lane"
)

// addedShown is how many words that wait a page shows.
const addedShown = 50

// heldWords are words that somebody added, said of an answer or answered, and that
// wait to be looked at.
type heldWords struct {
	Number         int64
	Words, Day, By string
	Of             int64 // line of the answer that they judge; 0: of none
	Causes         []string
	Photos         []shot
}

// heldWords gives those of a report that whoever has a code wrote. A checker has none,
// and sees all of them and what was found in them.
func (w *Web) heldWords(v *visit, id int64, code string) (out []heldWords, err error) {
	all, err := w.lane.Additions(v.Context(), id, addedShown)
	if err != nil {
		return nil, err
	}
	for _, h := range all {
		if code != "" && !h.Theirs(code) {
			continue
		}
		photos, err := w.drafted(v, w.base(v, "/mine", "laneweb.mine"), h.Pictures)
		if err != nil {
			return nil, err
		}
		out = append(out, heldWords{Number: h.Number, Words: h.Words, Day: v.lang.Date(string(h.Since)), By: w.cat.T(v.lang, "laneweb.by."+string(h.By)), Of: h.Answer,
			Causes: w.causes(v.lang, h.Causes, code == ""), Photos: photos})
	}
	return out, nil
}

// addedQueue lists words that wait, of all reports.
func (w *Web) addedQueue(v *visit, b base, at string) (out []queued, err error) {
	all, err := w.lane.Additions(v.Context(), 0, addedShown)
	for _, h := range all {
		out = append(out, queued{ID: h.Request, Href: b.At(at + "/" + strconv.FormatInt(h.Request, 10)), Words: short(h.Words), Day: v.lang.Date(string(h.Since)), Causes: w.causes(v.lang, h.Causes, true)})
	}
	return out, err
}

// decideAddition takes what a checker decides on words that wait.
func (w *Web) decideAddition(v *visit, at string, d lane.AdditionCheck) error {
	var err error
	if d.Number, err = strconv.ParseInt(v.form.Get("addition"), 10, 64); err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	switch v.form.Get("do") {
	case "pass-words":
		d.Pass, d.Reason = true, ""
	case "refuse-words":
		d.Ground = lane.Ground(v.form.Get("ground"))
	default:
		return fault.Invalid("laneweb.bad_form")
	}
	return w.decided(v, at, w.lane.DecideAddition(v.Context(), d))
}
