package bot

import (
	"hash/maphash"
	"time"
)

const (
	perChat   = 12   // questions of one chat that are answered in a minute
	perMinute = 1000 // of all together: Telegram takes about thirty messages a second
	pots      = 4096
)

// limit counts questions by the minute. It keeps no chat's number: a chat falls into
// one of 4096 pots by a hash whose seed is thrown away with the counts, so two may
// share one, and nobody can say later who asked.
type limit struct {
	seed  maphash.Seed
	until time.Time
	all   int
	pots  [pots]int
}

// verdict is what becomes of a question.
type verdict int

const (
	answer verdict = iota
	slow           // say once that it is too much
	silent
)

func (l *limit) take(chat int64, now time.Time) verdict {
	if now.After(l.until) || l.until.Sub(now) > time.Minute { // the clock may have been put back
		*l = limit{seed: maphash.MakeSeed(), until: now.Add(time.Minute)}
	}
	pot := &l.pots[maphash.Comparable(l.seed, chat)%pots]
	*pot++
	l.all++
	switch {
	case l.all > perMinute || *pot > perChat+1:
		return silent
	case *pot > perChat:
		return slow
	}
	return answer
}
