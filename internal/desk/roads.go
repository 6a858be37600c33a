package desk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/onion"
)

// Roads is what this desk alone knows of how to reach its nodes: for some of
// them a door of their own, an onion service that asks for the desk's key. It
// lies in the desk's folder in the clear, as tor must read the key without
// anybody's passphrase. Whoever has it reaches that door and can do nothing
// there: every call is also signed with the desk's own key, which is sealed.
type Roads struct {
	dir    string
	ByNode map[string]string `json:"doors"` // node key → http://abc….onion
}

const (
	roadsFile = "doors.json"
	onionFile = "onion.key"
)

// ReadRoads reads what a desk's folder says of doors; none is no error.
func ReadRoads(dir string) (Roads, error) {
	r := Roads{dir: dir, ByNode: make(map[string]string)}
	b, err := os.ReadFile(filepath.Join(dir, roadsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fault.Corrupt("desk.doors_broken", filepath.Join(dir, roadsFile)).Because(err)
	}
	for _, door := range r.ByNode {
		if _, err := doorHost(door); err != nil {
			return r, err
		}
	}
	return r, nil
}

// doorHost gives the onion address of a door.
func doorHost(door string) (string, error) {
	u, err := url.Parse(door)
	if err != nil || u.Scheme != "http" || u.Host == "" || "http://"+u.Host != door {
		return "", fault.Invalid("desk.door", door)
	}
	return u.Host, onion.Check(u.Host)
}

// Set notes the door of the node with this key; "" forgets it.
func (r Roads) Set(nodeKey, door string) error {
	if door = strings.TrimRight(door, "/"); door == "" {
		delete(r.ByNode, nodeKey)
	} else {
		if _, err := doorHost(door); err != nil {
			return err
		}
		r.ByNode[nodeKey] = door
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(r.dir, roadsFile), b, 0o600)
}

// Keys gives what lets this desk reach each door.
func (r Roads) Keys() ([]onion.Key, error) {
	if len(r.ByNode) == 0 {
		return nil, nil
	}
	private, err := onionKey(r.dir)
	if err != nil {
		return nil, err
	}
	var keys []onion.Key
	for _, door := range r.ByNode {
		host, err := doorHost(door)
		if err != nil {
			return nil, err
		}
		keys = append(keys, onion.Key{Host: host, Private: private})
	}
	return keys, nil
}

// OnionKey gives the public half of the key with which this desk reaches its
// doors, making it at the first call. It goes to every node: kua node --desk-key.
func OnionKey(dir string) (public string, err error) {
	private, err := onionKey(dir)
	if err != nil {
		return "", err
	}
	return onion.PublicClientKey(private)
}

func onionKey(dir string) (private string, err error) {
	path := filepath.Join(dir, onionFile)
	b, err := os.ReadFile(path)
	if err == nil {
		private = strings.TrimSpace(string(b))
		_, err = onion.PublicClientKey(private)
		return private, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, databaseKey)); err != nil {
		return "", fault.NotFound("desk.none_here", dir)
	}
	if private, _, err = onion.NewClientKey(); err != nil {
		return "", err
	}
	if err := durable.WriteFile(path, []byte(private+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the onion key: %w", err)
	}
	return private, nil
}
