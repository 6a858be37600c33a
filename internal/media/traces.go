package media

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"kua/internal/fault"
	"kua/internal/trace"
)

// Trace reads what an original tells about whoever made it. The reading happens
// in the box; what comes out of it is held against the bounds and words of
// package trace. A file that no reader knows is the fault trace.unknown.
func (m *Runner) Trace(ctx context.Context, in Input) (trace.Sheet, error) {
	if in.Size() == 0 {
		return trace.Sheet{}, fault.Invalid("media.empty")
	}
	answer, err := m.enter(ctx, visit{args: []string{"box"}, job: job{Do: "trace"}, in: in, wall: 5 * time.Minute})
	if err != nil {
		return trace.Sheet{}, err
	}
	var s trace.Sheet
	if err := json.Unmarshal(answer, &s); err != nil {
		return trace.Sheet{}, fault.New(fault.KindInternal, "media.box_died").Because(err)
	}
	if !s.Sane() {
		return trace.Sheet{}, fault.New(fault.KindInternal, "media.box_died").Because(errors.New("the sheet keeps to no bounds"))
	}
	return s, nil
}

// trace is the stage in the box.
func (s *stage) trace() (trace.Sheet, error) {
	sheet, err := trace.Read(s.in, s.in.size)
	sheet.Cut()
	return sheet, err
}
