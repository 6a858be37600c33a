package telegramtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// asked is what people have written to the bot, and what it said to them.
type asked struct {
	update  int
	waiting []map[string]any // updates that were not acknowledged by a later offset
	answers map[int64][]string
	methods []string
}

// Asks puts a message before the bot, as the Bot API describes one. Its chat and the
// moment are filled in where they are missing: a private one, and now.
func (f *Server) Asks(chat int64, message map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked.answers == nil {
		f.asked.answers = make(map[int64][]string)
	}
	m := map[string]any{
		"message_id": f.asked.update + 1, "date": time.Now().Unix(), "chat": map[string]any{"id": chat, "type": "private"},
		"from": map[string]any{"id": chat, "is_bot": false, "first_name": "Somebody", "language_code": "ru"},
	}
	for name, value := range message {
		m[name] = value
	}
	f.asked.update++
	f.asked.waiting = append(f.asked.waiting, map[string]any{"update_id": f.asked.update, "message": m})
	if _, known := f.asked.answers[chat]; !known {
		f.asked.answers[chat] = nil
	}
}

// Answers gives what the bot said to a chat, in order.
func (f *Server) Answers(chat int64) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked.answers[chat])
}

// Unheard gives how many messages the bot has not acknowledged yet.
func (f *Server) Unheard() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked.waiting)
}

// Called gives the methods that were called, each once.
func (f *Server) Called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(f.asked.methods)))
}

// updates answers getUpdates: at once when somebody has written, else when somebody
// does or the time is over that the caller gives it.
func (f *Server) updates(w http.ResponseWriter, r *http.Request) {
	fields, _, err := read(r)
	if err != nil {
		hangUp(w)
		return
	}
	offset, _ := strconv.Atoi(fields["offset"])
	seconds, _ := strconv.Atoi(fields["timeout"])
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(5 * time.Millisecond) {
		f.mu.Lock()
		trouble := f.trouble
		if trouble == "409" || trouble == "502" {
			f.trouble = ""
		}
		f.asked.waiting = slices.DeleteFunc(f.asked.waiting, func(u map[string]any) bool { return u["update_id"].(int) < offset })
		waiting := slices.Clone(f.asked.waiting)
		f.mu.Unlock()
		switch {
		case trouble == "409":
			f.answer(w, 409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", nil)
			return
		case trouble == "502":
			http.Error(w, "<html>502 Bad Gateway</html>", 502)
			return
		case len(waiting) > 0 || time.Now().After(end) || r.Context().Err() != nil:
			_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": waiting})
			return
		}
	}
}

// said takes a message to somebody who has written before: no bot can write first.
func (f *Server) said(method string, fields map[string]string) (status int, description string, result any, ok bool) {
	chat, err := strconv.ParseInt(fields["chat_id"], 10, 64)
	if _, known := f.asked.answers[chat]; err != nil || !known || method != "sendMessage" {
		return 0, "", nil, false
	}
	if n := units(fields["text"]); n == 0 || n > 4096 {
		return 400, "Bad Request: message is too long", nil, true
	}
	f.asked.answers[chat] = append(f.asked.answers[chat], fields["text"])
	f.next++
	return 200, "", map[string]any{"message_id": f.next, "date": time.Now().Unix(), "chat": map[string]any{"id": chat, "type": "private"}}, true
}
