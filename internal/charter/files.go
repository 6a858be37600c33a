package charter

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kua/internal/durable"
	"kua/internal/fault"
)

// Dir is where a chain lies in an edition and in a desk's directory.
const Dir = "charter"

// Files gives the chain as plain files, path → bytes: charter/1.json with the
// exact document, and charter/1.json.<key id>.sig with each raw signature, so
// that openssl alone can check them.
func (ch Chain) Files() map[string][]byte {
	files := make(map[string][]byte)
	for i, s := range ch {
		name := fmt.Sprintf("%s/%d.json", Dir, i+1)
		files[name] = []byte(s.Document)
		for id, sig := range s.Signatures {
			files[name+"."+id+".sig"] = sig
		}
	}
	return files
}

// ReadChain reads what Files gives from below fsys. It checks sizes and names
// only: Verify says whether the chain holds.
func ReadChain(fsys fs.FS) (Chain, error) {
	var ch Chain
	for n := 1; n <= maxVersions+1; n++ {
		name := fmt.Sprintf("%s/%d.json", Dir, n)
		doc, err := readSmall(fsys, name, maxDocument)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read charter %d: %w", n, err)
		}
		sigs, err := readSignatures(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read signatures of charter %d: %w", n, err)
		}
		ch = append(ch, Signed{Document: string(doc), Signatures: sigs})
	}
	if len(ch) == 0 {
		return nil, fault.NotFound("charter.none_here")
	}
	return ch, nil
}

func readSignatures(fsys fs.FS, document string) (Signatures, error) {
	paths, err := fs.Glob(fsys, document+".*.sig")
	if err != nil {
		return nil, err
	}
	sigs := make(Signatures)
	for _, p := range paths {
		sig, err := readSmall(fsys, p, ed25519.SignatureSize)
		if err != nil {
			return nil, err
		}
		sigs[strings.TrimSuffix(strings.TrimPrefix(p, document+"."), ".sig")] = sig
	}
	return sigs, nil
}

func readSmall(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fault.TooLarge("charter.too_large")
	}
	return b, err
}

// WriteChain writes the chain's files below dir: each whole or not at all, and a
// version's signatures before its document, so that a reader never meets a
// document that is not signed yet.
func WriteChain(dir string, ch Chain) error {
	if err := os.MkdirAll(filepath.Join(dir, Dir), 0o755); err != nil {
		return err
	}
	files := ch.Files()
	names := slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		return cmp.Or(cmp.Compare(path.Ext(b), path.Ext(a)), cmp.Compare(a, b)) // .sig, then .json
	})
	for _, name := range names {
		if err := durable.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), files[name], 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
