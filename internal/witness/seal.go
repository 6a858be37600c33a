// Package witness is the command-line road of one who tells: seal a report on
// their own device, bring the sealed file to a node, read the answers.
//
// It keeps nothing of its own: no state, no history. It stands on no database
// and cannot open a parcel; the only thing it opens is a reply, with the
// receipt. Used by cmd/kua.
package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"

	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/receipt"
)

// File is one attachment on its way into a parcel.
type File struct {
	Path    string // where it lies
	Name    string // what the desk is told that it is called
	Cleaned bool   // the witness had taken out of it what it told; the desk is told that too
}

// Files gives files as they are, under their own names.
func Files(paths ...string) []File {
	var all []File
	for _, p := range paths {
		all = append(all, File{Path: p, Name: filepath.Base(p)})
	}
	return all
}

// Part ends the name of a sealed file that is not whole yet.
const Part = ".part"

// Seal writes a report and files, sealed to every current person of the
// collective, to the file at out, which must not exist yet. Until it is whole and on
// the disk it is called out + Part; a kill leaves that and nothing under out. When ctx
// ends it stops and leaves nothing. The receipt it returns is the only key to the
// answers: it is nowhere in the clear.
func Seal(ctx context.Context, c charter.Charter, report parcel.Report, files []File, out string, progress Progress) (receipt.Receipt, error) {
	r := receipt.New()
	giveBack() // deriving takes 32 MiB, and a telephone has little
	keys, err := r.Derive()
	if err != nil {
		return r, fmt.Errorf("derive keys from the receipt: %w", err)
	}
	giveBack() // before the film is read
	report.Reply, report.Mailbox, report.Blind = keys.ReplyRecipient, keys.Mailbox, fmt.Sprintf("%x", keys.Blind)
	sources, err := sources(ctx, files)
	if err != nil {
		return r, err
	}
	if _, err := os.Lstat(out); err == nil {
		return r, fault.Conflict("witness.cannot_write", out).Because(fs.ErrExist)
	}
	part := out + Part
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return r, fault.Conflict("witness.left_over", part).Because(err)
	}
	if err != nil {
		return r, fault.Conflict("witness.cannot_write", part).Because(err)
	}
	w := durable.NewStream(f)
	err = parcel.Seal(w, report, sources, c.Recipients(), progress)
	// The witness may destroy the film the next moment: the sealed one is on the disk before.
	if closed := w.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = durable.PutNew(part, out)
	}
	if err != nil {
		os.Remove(part)
		if errors.Is(err, fs.ErrExist) {
			return r, fault.Conflict("witness.cannot_write", out).Because(err)
		}
		return r, fmt.Errorf("seal into %s: %w", out, err)
	}
	return r, nil
}

func sources(ctx context.Context, files []File) ([]parcel.Source, error) {
	var all []parcel.Source
	for _, f := range files {
		info, err := os.Stat(f.Path)
		if err != nil {
			return nil, fault.NotFound("witness.no_file", f.Path).Because(err)
		}
		if !info.Mode().IsRegular() {
			return nil, fault.Invalid("witness.not_a_file", f.Path)
		}
		if info.Size() == 0 { // a copy that was cut off: nobody must believe that it was sent
			return nil, fault.Invalid("witness.empty", f.Path)
		}
		all = append(all, parcel.Source{
			Name:    f.Name,
			Type:    typeOf(f.Path),
			Size:    info.Size(),
			Cleaned: f.Cleaned,
			Open: func() (io.ReadCloser, error) {
				in, err := os.Open(f.Path)
				return stoppable{in, ctx}, err
			},
		})
	}
	return all, nil
}

// stoppable is a file whose reading ends with its context.
type stoppable struct {
	*os.File
	ctx context.Context
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.File.Read(p)
}

// typeOf guesses the media type of a file by its name, without parameters: what
// the system says of a text's coding is a guess about the file's inside.
func typeOf(path string) string {
	kind, _, err := mime.ParseMediaType(mime.TypeByExtension(filepath.Ext(path)))
	if err != nil {
		return "" // not known
	}
	return kind
}
