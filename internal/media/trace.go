package media

import (
	"context"
	"encoding/json"

	"kua/internal/fault"
	"kua/internal/trace"
)

// Trace reads in the box what a file tells about whoever made it. A kind of
// file that nobody can read is the fault trace.unknown. What comes out was
// chosen by strangers.
func (m *Runner) Trace(ctx context.Context, in Input) (trace.Sheet, error) {
	answer, err := m.enter(ctx, visit{args: []string{"box"}, job: job{Do: "trace"}, in: in, wall: wallBase})
	if err != nil {
		return trace.Sheet{}, err
	}
	var s trace.Sheet
	if err := json.Unmarshal(answer, &s); err != nil {
		return trace.Sheet{}, fault.New(fault.KindInternal, "media.box_died")
	}
	return s, nil
}

// trace is the stage in the box.
func (s *stage) trace() (trace.Sheet, error) { return trace.Read(s.in, s.in.size) }
