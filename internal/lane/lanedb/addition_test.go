package lanedb

import (
	"errors"
	"testing"

	"kua/internal/fault"
)

// TestNoWordsWaitForAPhotoThatIsGone: words do not begin to wait with a photo that was let go since their
// writer saw it: they could never be let through.
func TestNoWordsWaitForAPhotoThatIsGone(t *testing.T) {
	db := filled(t, "")
	a := Addition{Request: 7, Digest: "a", Words: "x", Causes: "[]", Day: "2026-01-01", Actor: "holder", Pictures: "gone"}
	if err := db.HoldAddition(t.Context(), a, 5); !errors.Is(err, fault.NotFound("lane.no_picture")) {
		t.Errorf("with a photo that is gone: %v", err)
	}
	a.Pictures = ""
	if err := db.HoldAddition(t.Context(), a, 5); err != nil {
		t.Error(err)
	}
	if all, err := db.Additions(t.Context(), 7, 9); err != nil || len(all) != 1 {
		t.Errorf("%+v wait, %v", all, err)
	}
}
