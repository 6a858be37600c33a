// Package telegramtest is a made-up Bot API server for tests: it takes the methods
// that package telegram uses as https://core.telegram.org/bots/api describes them,
// and fails as that server and the road to it do. Only tests use it.
package telegramtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
)

// Server is a Bot API server that follows the published description of the methods
// that are used: https://core.telegram.org/bots/api.
type Server struct {
	*httptest.Server

	place, token string

	mu       sync.Mutex
	next     int
	messages map[int]Posted
	trouble  string // what goes wrong with the next call
	asked    asked
}

// Posted is a message as it stands in the channel. Files are their SHA-256.
type Posted struct{ Method, Text, Caption, Thumbnail, Cover, File string }

// Start starts a server that knows one channel and one bot.
func Start(place, token string) *Server {
	f := &Server{place: place, token: token, next: 41, messages: make(map[int]Posted)}
	f.Server = httptest.NewServer(f)
	return f
}

// ServeHTTP answers a call of the Bot API.
func (f *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/bot"+f.token+"/getUpdates" {
		f.updates(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	trouble := f.trouble
	f.trouble = ""
	got, ok := strings.CutPrefix(r.URL.Path, "/bot"+f.token+"/")
	switch {
	case !ok:
		f.answer(w, 401, "Unauthorized", nil)
		return
	case trouble == "cut early":
		_, _ = r.Body.Read(make([]byte, 1))
		hangUp(w)
		return
	case trouble == "413":
		http.Error(w, "<html>413 Request Entity Too Large</html>", 413)
		return
	}
	f.asked.methods = append(f.asked.methods, got)
	fields, files, err := read(r)
	if err != nil {
		hangUp(w) // a form without its end is no call
		return
	}
	switch trouble {
	case "429":
		f.answer(w, 429, "Too Many Requests: retry after 37", map[string]any{"retry_after": 37})
		return
	case "403":
		f.answer(w, 403, "Forbidden: bot was kicked from the channel chat", nil)
		return
	case "moved":
		f.answer(w, 400, "Bad Request: group chat was upgraded to a supergroup chat", map[string]any{"migrate_to_chat_id": int64(-1001234567890)})
		return
	case "redirect":
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		return
	case "can't delete":
		f.answer(w, 400, "Bad Request: message can't be deleted for everyone", nil)
		return
	}
	status, description, result := f.do(got, fields, files)
	switch trouble {
	case "cut":
		hangUp(w)
	case "502":
		http.Error(w, "<html>502 Bad Gateway</html>", 502)
	case "half":
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"ok":true,"result":{"mess`)
	default:
		if status != 200 {
			f.answer(w, status, description, nil)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
	}
}

func (f *Server) answer(w http.ResponseWriter, code int, description string, parameters map[string]any) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error_code": code, "description": description, "parameters": parameters})
}

func hangUp(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		c.Close()
	}
}

func read(r *http.Request) (fields, files map[string]string, err error) {
	fields, files = map[string]string{}, map[string]string{}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, nil, err
	}
	for {
		p, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, files, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if err := readPart(p, fields, files); err != nil {
			return nil, nil, err
		}
	}
}

func readPart(p *multipart.Part, fields, files map[string]string) error {
	if p.FileName() == "" {
		b, err := io.ReadAll(p)
		fields[p.FormName()] = string(b)
		return err
	}
	h := sha256.New()
	_, err := io.Copy(h, p)
	files[p.FormName()] = hex.EncodeToString(h.Sum(nil))
	return err
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func (f *Server) do(method string, fields, files map[string]string) (int, string, any) {
	if status, description, result, ok := f.said(method, fields); ok {
		return status, description, result
	}
	if fields["chat_id"] != f.place {
		return 400, "Bad Request: chat not found", nil
	}
	id, _ := strconv.Atoi(fields["message_id"])
	old, there := f.messages[id]
	m := Posted{Method: method, Text: fields["text"], Caption: fields["caption"], Cover: fields["cover"], Thumbnail: files["thumbnail"]}
	switch method {
	case "sendMessage":
		if n := units(m.Text); n == 0 || n > 4096 {
			return 400, "Bad Request: message is too long", nil
		}
	case "sendPhoto", "sendVideo":
		m.File = files[strings.ToLower(strings.TrimPrefix(method, "send"))]
		if m.File == "" {
			return 400, "Bad Request: there is no file in the request", nil
		}
		if units(m.Caption) > 1024 {
			return 400, "Bad Request: message caption is too long", nil
		}
	case "editMessageText", "editMessageCaption":
		if !there {
			return 400, "Bad Request: message to edit not found", nil
		}
		if (old.File != "") != (method == "editMessageCaption") {
			return 400, "Bad Request: there is no text in the message to edit", nil
		}
		if m.Text == old.Text && m.Caption == old.Caption {
			return 400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same", nil
		}
		old.Text, old.Caption = m.Text, m.Caption
		f.messages[id] = old
		return 200, "", f.message(id)
	case "deleteMessage":
		if !there {
			return 400, "Bad Request: message to delete not found", nil
		}
		delete(f.messages, id)
		return 200, "", true
	default:
		return 404, "Not Found", nil
	}
	f.next++
	f.messages[f.next] = m
	return 200, "", f.message(f.next)
}

func (f *Server) message(id int) any {
	return map[string]any{"message_id": id, "date": 1700000000, "chat": map[string]any{"id": int64(-1001234567890), "type": "channel", "title": "Made up"}}
}

// GoesWrong says what goes wrong with the next call.
func (f *Server) GoesWrong(how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = how
}

// Held gives what stands in the channel, by its number.
func (f *Server) Held() map[int]Posted {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.messages)
}
