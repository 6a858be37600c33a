package reader

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/verify"
)

var (
	begins    = regexp.MustCompile(`^<!doctype html>\s<html lang="[A-Za-z-]{2,12}" dir="[a-z]{3}" data-kua-reader="1" data-lang="([a-z-]{2,12})">`)
	proofAt   = []byte(`<script type="application/json" id="proof">`)
	proofEnds = []byte(`</script>`)
	dataURI   = regexp.MustCompile(`="data:([a-z0-9/-]{3,40});base64,([A-Za-z0-9+/]*={0,2})"`)
)

// Is reports whether a file begins as those that Maker writes do: 200 bytes of it
// are enough to tell.
func Is(beginning []byte) bool { return begins.Match(beginning) }

// Parse takes a file apart into what it holds and the language of its page. It
// believes nothing: Check does the checking, and File looks at the page too.
func Parse(file []byte) (*Bundle, locale.Tag, error) {
	if len(file) > MaxFile {
		return nil, "", fault.TooLarge("reader.too_large", MaxFile)
	}
	m := begins.FindSubmatch(file)
	if m == nil {
		return nil, "", fault.Invalid("reader.not_one")
	}
	lang, ok := locale.Parse(string(m[1]))
	if !ok {
		return nil, "", fault.Invalid("reader.not_one")
	}
	_, rest, ok := bytes.Cut(file, proofAt)
	text, _, ended := bytes.Cut(rest, proofEnds)
	if !ok || !ended || bytes.Contains(rest, proofAt) {
		return nil, "", fault.Corrupt("reader.cut_off")
	}
	b := &Bundle{Inside: make(map[string]record.File)}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&b.Proof)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err != nil {
		return nil, "", fault.Corrupt("reader.broken").Because(err)
	}
	media := make(map[string][]byte)
	for _, m := range dataURI.FindAllSubmatch(file, -1) {
		raw, err := base64.StdEncoding.Strict().DecodeString(string(m[2]))
		if err != nil {
			return nil, "", fault.Corrupt("reader.broken").Because(err)
		}
		sum := canon.Hash(raw)
		media[sum] = raw
		b.Inside[sum] = record.File{Type: string(m[1]), SHA256: sum, Size: int64(len(raw))}
	}
	b.open = func(_ context.Context, f record.File) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(media[f.SHA256])), nil
	}
	return b, lang, nil
}

// File checks a whole file: what it holds, as Check does, and the page around
// it, which must be byte for byte what this program writes around these contents.
// Any other page could show something else than what was checked, or say that it
// checks and not do so: reader.page_differs.
func (m *Maker) File(ctx context.Context, file []byte, opts Options) (verify.Report, error) {
	b, lang, err := Parse(file)
	if err != nil {
		c := checker{report: verify.Report{Result: verify.OK, Findings: []verify.Finding{}}}
		c.problem("", err)
		return c.report, nil
	}
	report, err := b.Check(ctx, opts)
	if err != nil || report.Result != verify.OK {
		return report, err
	}
	same := &comparing{rest: file}
	_, err = m.Write(ctx, same, b, lang)
	if err != nil && !errors.Is(err, errDiffers) {
		return report, fmt.Errorf("write the page again: %w", err)
	}
	if err != nil || len(same.rest) > 0 {
		report.Note(verify.Finding{Kind: verify.Corrupt, Key: "reader.page_differs"})
	}
	return report, nil
}

var errDiffers = errors.New("differs")

// comparing is a writer that ends at the first byte which is not the next of rest.
type comparing struct{ rest []byte }

// Write implements io.Writer.
func (c *comparing) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(c.rest, p) {
		return 0, errDiffers
	}
	c.rest = c.rest[len(p):]
	return len(p), nil
}
