package nodeapi

import (
	"context"
	"fmt"
	"net/http"

	"kua/internal/actor"
	"kua/internal/fault"
)

// ActorState says which files a node shows for accounts in the network of
// ActivityPub servers, with the SHA-256 of each.
type ActorState struct {
	Files map[string]string `json:"files"`
}

// ActorLetter is a letter to one of these accounts, sealed to the people of the
// collective: an age file with an actor.Letter as JSON. Nobody has checked who wrote it.
type ActorLetter struct {
	Number int64  `json:"number"`
	Day    string `json:"day"` // on which it came
	Sealed []byte `json:"sealed"`
}

// ReadActorLetter reads an opened letter; else the fault is nodeapi.not_understood.
func ReadActorLetter(plain []byte) (l actor.Letter, err error) {
	if err := readOpened(plain, &l); err != nil {
		return l, fault.Corrupt("nodeapi.not_understood").Because(err)
	}
	return l, nil
}

// ActorPage is the most letters in one answer.
const ActorPage = 100

// ActorLetters answers the desk.
type ActorLetters struct {
	Letters []ActorLetter `json:"letters"`
}

// ActorForgotten names the letters that the desk has read.
type ActorForgotten struct {
	Numbers []int64 `json:"numbers"`
}

// ActorFiles gives the SHA-256 of every file that the node shows for accounts.
func (c *Client) ActorFiles(ctx context.Context) (map[string]string, error) {
	var state ActorState
	a, err := c.get(ctx, "/desk/actor/files", 16<<20, true)
	if err == nil {
		err = read(a, &state)
	}
	return state.Files, err
}

// PutActorFile has the node show a document, in the place of the one before.
func (c *Client) PutActorFile(ctx context.Context, path string, document []byte) error {
	_, err := c.do(ctx, withBytes(call{method: http.MethodPut, path: "/desk/actor/files/" + path, kind: actor.TypeOf(path), desk: true, limit: 64 << 10}, document))
	return err
}

// DropActorFile has the node show a document no more. One that is not there is no error.
func (c *Client) DropActorFile(ctx context.Context, path string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "/desk/actor/files/" + path, desk: true, limit: 64 << 10})
	return err
}

// ActorLetters gives the letters behind a number, at most ActorPage.
func (c *Client) ActorLetters(ctx context.Context, after int64) ([]ActorLetter, error) {
	var list ActorLetters
	a, err := c.get(ctx, fmt.Sprintf("/desk/actor/letters/%d", after), ActorPage*actor.MaxLetter*4, true)
	if err == nil {
		err = read(a, &list)
	}
	return list.Letters, err
}

// ForgetActorLetters tells the node that the desk has read letters. Those that are not
// there are no error.
func (c *Client) ForgetActorLetters(ctx context.Context, numbers []int64) error {
	return c.post(ctx, "/desk/actor/letters/forgotten", ActorForgotten{Numbers: numbers}, nil)
}
