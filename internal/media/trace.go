package media

import (
	"context"
	"encoding/json"

	"kua/internal/fault"
	"kua/internal/trace"
)

// Trace reads in the box what an original tells about whoever made it. A format
// that no reader knows is the fault trace.unknown.
func (m *Runner) Trace(ctx context.Context, in Input) (trace.Sheet, error) {
	answer, err := m.enter(ctx, visit{args: []string{BoxCommand}, job: job{Do: "trace"}, in: in, wall: wallBase})
	if err != nil {
		return trace.Sheet{}, err
	}
	var sheet trace.Sheet
	if err := json.Unmarshal(answer, &sheet); err != nil {
		return trace.Sheet{}, fault.New(fault.KindInternal, "media.box_died").Because(err)
	}
	return sheet, nil
}
