package lane

// Matter is what a request is: something to be mended, or what else goes between
// citizens and an authority in public. All of them have a history, states and
// people behind them by the same rules; reports alone are counted, mapped, given
// out as data and through Open311.
type Matter string

// The matters.
const (
	Report       Matter = ""
	Question     Matter = "question"     // asked of an authority, who answers in public
	Pledge       Matter = "pledge"       // what an authority says that it will do, by when
	Announcement Matter = "announcement" // what an authority says to everybody
)

// Matters are all.
var Matters = []Matter{Report, Question, Pledge, Announcement}

// Post reports one that an authority begins, and no citizen.
func (m Matter) Post() bool { return m == Pledge || m == Announcement }

// posted is what transitions is for what an authority begins. Each stands
// as planned until it is kept or taken back.
var posted = map[Matter]map[State]map[Actor][]State{
	Pledge:       {Planned: {ByOfficial: {Mended, Withdrawn}, ByHouse: {Withdrawn}}},
	Announcement: {Planned: {ByOfficial: {Withdrawn}, ByHouse: {Withdrawn}}},
}
