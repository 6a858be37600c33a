package deskweb

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"kua/internal/fault"
	"kua/internal/spread"
)

// playPost gives a file of a post, exactly the bytes that would go out.
func playPost(v *visit) error {
	m, err := v.desk.Message(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	f, ok := m.Of(v.r.PathValue("what"))
	if !ok {
		return fault.NotFound("spread.no_post", v.number("id"))
	}
	return givePost(v.app.alive(), v.w, v.r, f)
}

// givePost answers with a file or the ranges of it that were asked for, after all of
// it was found to be what it is said to be. It holds no more than a buffer of it.
func givePost(life context.Context, w http.ResponseWriter, r *http.Request, f spread.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	w.Header().Set("Content-Type", f.Type)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	parts := &partsOf{file: f, life: life}
	defer parts.close()
	http.ServeContent(w, r, "", time.Time{}, parts)
	return nil
}

// partsOf reads any part of a file that opens from its beginning alone, by reading
// past what lies before, until the desk is locked.
type partsOf struct {
	file spread.File
	life context.Context
	in   io.ReadCloser // nil before the first part
	at   int64         // where in stands
	from int64         // where the next Read begins
}

// Seek says where the next Read begins.
func (p *partsOf) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.from
	case io.SeekEnd:
		offset += p.file.Size
	}
	p.from = offset
	return offset, nil
}

// Read gives what comes next.
func (p *partsOf) Read(b []byte) (int, error) {
	if err := p.life.Err(); err != nil {
		return 0, err
	}
	if p.in == nil || p.at > p.from {
		p.close()
		in, err := p.file.Open()
		if err != nil {
			return 0, err
		}
		p.in, p.at = in, 0
	}
	past, err := io.CopyN(io.Discard, p.in, p.from-p.at)
	if p.at += past; err != nil {
		return 0, err
	}
	n, err := p.in.Read(b)
	p.at += int64(n)
	p.from = p.at
	return n, err
}

func (p *partsOf) close() {
	if p.in != nil {
		p.in.Close()
	}
}
