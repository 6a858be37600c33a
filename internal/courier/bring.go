package courier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// Told is what came of bringing the desk's calls to a node by net.
type Told struct {
	Done    int // that the node has signed for now
	Waiting int // that stay in the folder; see Aside
	Aside   []Aside
}

// Bring brings what the desk tells the node with this key to it by net, and keeps what
// the node signs. A refusal is no signature: whatever is refused stays in the folder,
// since anybody on the way could have said it. It may be cut off and called again.
func (f *Folder) Bring(ctx context.Context, node *nodeapi.Client, key string, progress func(done, total int64)) (Told, error) {
	var t Told
	calls, err := f.Calls(key)
	if err != nil {
		return t, err
	}
	for i, c := range calls {
		err := f.bring(ctx, node, key, c)
		ft, known := fault.Of(err)
		switch {
		case err == nil:
			t.Done++
		case known && (ft.Key == "node.no_call" || ft.Key == "nodeapi.not_a_node"):
			t.Waiting = len(calls) - t.Done
			t.Aside = append(t.Aside, Aside{node.URL(), fault.NotFound("courier.only_there", node.URL()).Because(err)})
			return t, nil
		case !known || ft.Kind == fault.KindLater || ft.Kind == fault.KindInternal:
			return t, err
		default:
			t.Waiting++
			t.Aside = append(t.Aside, Aside{c.Path, err})
		}
		if progress != nil {
			progress(int64(i+1), int64(len(calls)))
		}
	}
	return t, nil
}

func (f *Folder) bring(ctx context.Context, node *nodeapi.Client, key string, c Call) error {
	size, err := f.checkBody(c)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Missing("courier.no_body")
	}
	if err != nil {
		return errors.Join(f.Spoilt(c, err), err)
	}
	got, err := node.Carry(ctx, c.Carried, size, func() (io.ReadCloser, error) {
		body, _, err := f.Body(c)
		return body, err
	})
	if err != nil {
		return err
	}
	state, err := json.Marshal(got.State)
	if err != nil {
		return err
	}
	if err := f.write(path.Join(nodesDir, charter.KeyID(key)+".state"), state); err != nil {
		return err
	}
	return f.Finish(key, c, got.Done)
}

// checkBody holds a body to its name before it takes the time of a bad link.
func (f *Folder) checkBody(c Call) (int64, error) {
	body, size, err := f.Body(c)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return 0, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != c.SHA256 {
		return 0, fault.Corrupt("blob.wrong_hash", c.SHA256)
	}
	return size, nil
}
