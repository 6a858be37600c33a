package reportpage

// What the report page says of a look at a file before it is sealed. The things
// that are found are called as the desk calls them.
var lookWords = withNames([]string{
	"report.look", "report.look.private", "report.look.looking", "report.look.unreadable", "report.look.away", "report.look.unknown", "report.look.blind",
	"report.look.no_way", "report.look.take", "report.look.ask", "report.look.ask.less", "report.look.ask.who", "report.look.ask.keep",
	"report.look.ask.photo", "report.look.ask.film", "report.look.yes", "report.look.no", "report.look.working", "report.look.done", "report.look.done.name",
	"report.look.kept", "report.look.back", "report.look.undone", "report.look.rename", "report.look.renamed", "report.look.unfinished",
	"report.look.out.broken", "report.look.out.form", "report.look.out.large", "report.look.out.decode", "report.look.out.noise", "report.look.out.memory",
	"report.look.out.left",
	"deskweb.traces.nothing", "deskweb.traces.gaps", "deskweb.traces.track", "deskweb.traces.previews",
	"trace.kind.place", "trace.kind.serial", "trace.kind.person", "trace.kind.device", "trace.kind.time", "trace.kind.provenance", "trace.kind.history",
	"trace.kind.software", "trace.kind.text", "trace.kind.leftover", "trace.kind.encoding",
	"trace.gap.broken", "trace.gap.encrypted", "trace.gap.unknown", "trace.gap.too_large", "trace.gap.too_many", "trace.gap.too_deep",
})

// lookNames are the things that a look finds, as web/lib/look/sheet.ts lists them.
var lookNames = []string{
	"position", "place_name", "telemetry", "free_gps", "make", "model", "lens", "device_name", "serial", "lens_serial", "id", "maker_note", "author",
	"owner", "taken", "changed", "clock", "timecode", "thumbnail", "second", "motion", "cover", "c2pa", "proofmode", "hidden", "edit", "earlier_name", "program",
	"title", "comment", "words", "subtitles", "file_name", "behind", "unused", "unknown", "profile", "handler", "compressor",
}

func withNames(keys []string) []string {
	for _, name := range lookNames {
		keys = append(keys, "report.look.name."+name)
	}
	return keys
}
