package deskweb

import (
	"kua/internal/fault"
	"kua/internal/spread"
)

// spreadSamples fills the outbox and a post with everything that can stand there.
func spreadSamples(f frame) (spreadView, postView) {
	channels := []spread.Channel{{ID: 1, Kind: "telegram", Name: "News", Place: "@made_up_channel", Languages: []string{"ru"}, Carries: spread.Carries(), On: true}, {ID: 2, Name: "Old", Kind: "telegram", Place: "@old", Removed: true}}
	row := func(id int64, s spread.State, a spread.Act) postRow {
		p := spread.Post{ID: id, Channel: 1, Record: "000012", Version: 2, State: s, Act: a, Changed: someDay, Remote: spread.Remote{ID: "42", URL: "https://t.me/made_up_channel/42"}}
		if s == spread.Failed || s == spread.Uncertain {
			p.Fault = fault.Later("spread.telegram.cut")
		}
		return f.postRow(p, channels)
	}
	view := spreadView{frame: f, Kinds: []string{"telegram"}, Halted: f.T("spread.halted", "Dana", moment(f, someDay)), Result: f.T("spread.done", 1, 0, 2),
		Mine: []postRow{row(1, spread.Waiting, spread.Send), row(2, spread.Uncertain, spread.Send), row(3, spread.Failed, spread.Delete)}, Queued: []postRow{row(4, spread.Queued, spread.Edit)},
		Letters: []letterRow{{channels[0], []postRow{row(7, spread.Gathered, spread.Send)}}},
		There:   []postRow{row(5, spread.Sent, spread.Send)}, Past: []postRow{row(6, spread.Corrected, spread.Send)}, Kept: spread.Channel{Name: "News", Place: "news"}, Error: "No channel.", ErrorHint: "Write @name."}
	view.Spoken, view.Carries = f.choices(channels[0])
	for _, c := range channels {
		view.Channels = append(view.Channels, channelRow{c, f.T("spread.switch." + c.Switch()), f.T("spread.audience", 12, 2, 1)})
	}
	m := spread.Message{Language: "ru", Body: "Взятка на посту\n\nДвое потребовали 20 000.",
		Files: []spread.File{{What: spread.Film, Type: "video/mp4", Size: 700_000, SHA256: "ab"}, {What: spread.Poster, Type: "image/jpeg", Size: 5000, SHA256: "cd"}}}
	post := postView{frame: f, Post: row(1, spread.Waiting, spread.Send), Shown: &m, ShownFault: "Nothing can go.", Digest: m.Digest(), Retry: true, Recall: true, Judge: true, Gone: true, Error: "Tick.", ErrorHint: "All."}
	for _, name := range spread.Checklist() {
		post.Checklist = append(post.Checklist, checkRow{Name: name, Text: f.T("spread.check." + name)})
	}
	return view, post
}

// spreadKeys gives the keys that are put together from a value.
func spreadKeys() (keys []string) {
	for _, s := range []spread.State{spread.Waiting, spread.Queued, spread.Gathered, spread.Sending, spread.Sent, spread.Uncertain, spread.Failed, spread.Withdrawn, spread.Corrected} {
		keys = append(keys, "spread.state."+string(s))
	}
	for _, a := range []spread.Act{spread.Send, spread.Edit, spread.Delete} {
		keys = append(keys, "spread.act."+string(a))
	}
	for _, c := range []spread.Channel{{}, {On: true}, {Removed: true}} {
		keys = append(keys, "spread.switch."+c.Switch())
	}
	for _, what := range append(spread.Carries(), "text") {
		keys = append(keys, "spread.carry."+what)
	}
	for _, item := range spread.Checklist() {
		keys = append(keys, "spread.check."+item)
	}
	return append(keys, "spread.todo.waiting", "spread.todo.uncertain", "spread.todo.failed")
}
