package node

import (
	"testing"
	"testing/synctest"
)

// TestSeizedUploadWaits: an upload with which a call is busy is not dropped, and a call
// that comes while one is being dropped waits until all of it is gone.
func TestSeizedUploadWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &parts{holders: make(map[partKey]map[*holder]bool), seized: make(map[string]chan struct{})}
		free, ok := p.seize("a")
		if !ok {
			t.Fatal("an upload that is left alone cannot be dropped")
		}
		held, end := false, make(chan struct{})
		go func() {
			leave := p.hold(partKey{"a", "piece"}, nil)
			held = true
			<-end
			leave()
		}()
		p.hold(partKey{"b", "piece"}, nil)() // others do not wait
		synctest.Wait()
		if held {
			t.Error("a call reached an upload while it was being dropped")
		}
		free()
		synctest.Wait()
		if _, ok := p.seize("a"); ok || !held {
			t.Errorf("an upload with which a call is busy is dropped: %t, held %t", ok, held)
		}
		close(end)
		synctest.Wait()
		if _, ok := p.seize("a"); !ok {
			t.Error("nobody is busy with it any more, and it cannot be dropped")
		}
	})
}
