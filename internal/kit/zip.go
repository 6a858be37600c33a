package kit

import (
	"archive/zip"
	"context"
	"io"

	"kua/internal/locale"
)

// ZIP writes a kit as one archive, uncompressed, since films are compressed
// already. The same source gives the same bytes.
func (m *Maker) ZIP(ctx context.Context, s Source, lang locale.Tag, out io.Writer) error {
	z := zip.NewWriter(out)
	_, err := m.Write(ctx, s, lang, func(path string, content io.Reader) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: "kit-" + s.Record.ID + "/" + path, Method: zip.Store})
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return err
	})
	if err != nil {
		return err
	}
	return z.Close()
}

// Check reads all that a kit would hold, and gives the fault that Write would.
func (m *Maker) Check(ctx context.Context, s Source, lang locale.Tag) error {
	_, err := m.Write(ctx, s, lang, func(_ string, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
	return err
}
