package nodeweb

import (
	"net/http"
	"slices"

	"kua/internal/locale"
	"kua/internal/parcel"
)

// reportPage is the form for a witness, complete in itself; its script does
// nothing but seal and send.
type reportPage struct {
	base
	People        int
	Charter       string
	CharterGroups []string
	Alphabet      string
	Kinds         []string
	Open          bool // there is a page without scripts
	Words         []word
}

func (w *Web) report(rw http.ResponseWriter, _ *http.Request, lang locale.Tag) error {
	c, id, err := w.charterNumber()
	if err != nil {
		return err
	}
	b := w.base(lang, "/report", "report.title")
	w.set.Show(rw, "report", b.Base, reportPage{
		base: b, People: len(c.Current()), Charter: id, CharterGroups: inFours(id), Alphabet: alphabet(lang),
		Kinds: parcel.Whats(), Open: w.door != nil, Words: w.words(lang, append(slices.Clone(reportWords), lookWords...)),
	})
	return nil
}

// repliesPage is where a witness reads answers with the receipt.
type repliesPage struct {
	base
	Words []word
}

func (w *Web) replies(rw http.ResponseWriter, _ *http.Request, lang locale.Tag) error {
	b := w.base(lang, "/replies", "replies.title")
	w.set.Show(rw, "replies", b.Base, repliesPage{base: b, Words: w.words(lang, repliesWords)})
	return nil
}

// alphabet is the one in which a receipt is first shown: the one of the page.
func alphabet(lang locale.Tag) string {
	switch lang {
	case locale.Uzbek, locale.Turkmen, locale.English:
		return "latin"
	}
	return "cyrillic"
}

// What scripts may say. The page carries all of it, so that nothing has to be
// fetched later and one catalogue serves both sides.
var (
	linkWords = []string{
		"page.internal", "page.size.bytes", "page.size.kb", "page.size.mb", "page.size.gb",
		"report.wait.offline", "report.wait.unreachable", "report.wait.full", "report.wait.busy", "report.wait.next", "report.wait.trying",
		"nodeapi.bad_signature", "nodeapi.no_further", "nodeapi.not_a_node", "nodeapi.not_understood", "node.bad_name", "node.no_page",
	}
	reportWords = append([]string{
		"report.too_old", "report.insecure",
		"report.left.busy", "report.left.broken", "report.left.erase.sure",
		"report.point.asking", "report.point.shown", "report.point.refused", "report.point.removed",
		"report.files.remove", "report.files.remove.which", "report.files.total", "report.files.empty", "report.choose_what",
		"report.check.group", "report.check.wrong",
		"report.sending", "report.sending.resumed", "report.saving",
		"report.stage.preparing", "report.stage.deriving", "report.stage.sealing", "report.stage.sending", "report.stage.committing", "report.stage.sealed",
		"report.of", "report.spoken", "report.keeping", "report.not_keeping", "report.save.text", "report.save.only", "report.save.saved", "report.stop.sure",
		"report.no_room", "report.too_large", "report.too_large_to_save", "report.node_not_named", "report.not_kept", "report.gone",
		"parcel.empty_report", "parcel.text_too_long", "parcel.too_many_files", "parcel.report_too_large", "parcel.source_changed", "parcel.too_large", "parcel.member",
		"seal.mixed_recipients", "seal.no_recipients", "seal.recipient",
		"charter.not_a_charter", "charter.not_pinned", "charter.version_not_signed", "charter.broken_chain", "charter.person_changed", "charter.log_changed", "charter.struck_changed",
		"nodeapi.pieces_missing", "node.piece_too_large", "node.parcel_too_large", "node.wrong_hash",
	}, linkWords...)
	repliesWords = append([]string{
		"replies.too_old", "replies.deriving", "replies.fetching",
		"receipt.letter", "receipt.group", "receipt.length", "receipt.check", "receipt.mixed_letters",
	}, linkWords...)
)
