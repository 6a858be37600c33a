// Package reportpage renders the two pages on which a witness's own browser seals a
// report and opens answers, for whoever serves them: a node, or a courier's laptop in
// the room.
//
// It seals and stores nothing: the scripts of these pages do the first, and who
// serves them the second. Used by nodeweb and handover.
package reportpage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"kua/internal/charter"
	"kua/internal/link"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/parcel"
)

// What pages of this kind may do. Only the two pages that seal and open may run
// scripts; only the report page may ask where the phone is, and the browser asks the
// person again before it tells.
var (
	Sealing = page.Policy{Scripts: true, Workers: true, Location: true}
	Opening = page.Policy{Scripts: true, Workers: true}
)

// packed holds each of these pages in every language as it was last, and no more than a
// few times as many.
var packed = &link.Packer{Kinds: []string{"text/html", "application/json"}, Public: true, Keep: 200}

// Packed answers with one of these pages, in gzip where the browser takes it: with its
// words in Cyrillic it is four times as long without, and would not pass a link that
// freezes after 16 kB. Nothing secret stands in it, so it is packed with any cookie.
func Packed(next http.Handler) http.Handler { return packed.Pack(next) }

// Pages renders. The set is that of the room "node".
type Pages struct {
	Catalogue *locale.Catalogue
	Set       *page.Set
	// ByHand says that a courier's folder takes what is sent, and not a node. The
	// words say so, and the page asks for no node that the charter names.
	ByHand bool
}

// Words is a page's base whose sentences fit the one who serves it.
type Words struct {
	page.Base
	Collective string
	ByHand     bool
}

// T gives the sentence under key.
func (w Words) T(key string, args ...any) string { return w.Base.T(w.key(key), args...) }

func (w Words) key(key string) string {
	if other := byHand[key]; w.ByHand && other != "" {
		return other
	}
	return key
}

// Words describes a page; titleKey names its title.
func (p Pages) Words(c charter.Charter, lang locale.Tag, path, titleKey string) Words {
	name, _ := lang.Text(c.Name)
	return Words{Base: page.NewBase(p.Catalogue, lang, p.Catalogue.T(lang, titleKey), path), Collective: name, ByHand: p.ByHand}
}

// word is a sentence that a script may show.
type word struct{ Key, Text string }

// script gives the sentences under keys and, where there is one, the hint to each.
func (w Words) script(keys []string) []word {
	var all []word
	if w.ByHand {
		keys = append(slices.Clone(keys), "courier.no_mail", "courier.disk_trouble", "courier.cut_off", "courier.strange", "courier.not_carried")
	}
	for _, key := range keys {
		all = append(all, word{key, w.T(key)})
		if hint := key + ".hint"; w.Has(hint) {
			all = append(all, word{hint, w.T(hint)})
		}
	}
	return all
}

// reportPage is the form for a witness, complete in itself; its script does
// nothing but seal and send.
type reportPage struct {
	Words
	People        int
	Charter       string
	CharterGroups []string
	Alphabet      string
	Kinds         []string
	Open          bool // there is a page without scripts
	Script        []word
}

// Report answers with the report page of a collective; open says that there is a
// page without scripts.
func (p Pages) Report(rw http.ResponseWriter, lang locale.Tag, c charter.Charter, open bool) error {
	id, err := c.ID()
	if err != nil {
		return err
	}
	w := p.Words(c, lang, "/report", "report.title")
	p.Set.Show(rw, "report", w.Base, reportPage{
		Words: w, People: len(c.Current()), Charter: id, CharterGroups: InFours(id), Alphabet: Alphabet(lang),
		Kinds: parcel.Whats(), Open: open, Script: w.script(firstWords),
	})
	return nil
}

// ReportWords answers with what the report page's script may say: apart from the page,
// since both together are more than a link that freezes lets pass.
func (p Pages) ReportWords(rw http.ResponseWriter, lang locale.Tag, c charter.Charter) error {
	all := make(map[string]string)
	for _, word := range p.Words(c, lang, "/report/words", "report.title").script(append(slices.Clone(reportWords), lookWords...)) {
		all[word.Key] = word.Text
	}
	b, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("write the words: %w", err)
	}
	rw.Header().Set("Content-Type", "application/json")
	_, err = rw.Write(b)
	return err
}

// repliesPage is where a witness reads answers with the receipt.
type repliesPage struct {
	Words
	Script []word
}

// Replies answers with the page on which answers are read.
func (p Pages) Replies(rw http.ResponseWriter, lang locale.Tag, c charter.Charter) error {
	w := p.Words(c, lang, "/replies", "replies.title")
	p.Set.Show(rw, "replies", w.Base, repliesPage{Words: w, Script: w.script(repliesWords)})
	return nil
}

// Alphabet is the one in which a receipt is first shown: the one of the page.
func Alphabet(lang locale.Tag) string {
	switch lang {
	case locale.Uzbek, locale.Turkmen, locale.English:
		return "latin"
	}
	return "cyrillic"
}

// InFours cuts a long number into groups that a person can compare.
func InFours(number string) []string {
	var groups []string
	for len(number) > 4 {
		groups, number = append(groups, number[:4]), number[4:]
	}
	return append(groups, number)
}

// byHand names, for sentences of these pages that would not be true of a courier's
// laptop, those that are.
var byHand = map[string]string{
	"report.who.sealed": "handover.who.sealed", "report.honest.page": "handover.honest.page", "report.honest.network": "handover.honest.network",
	"report.held": "handover.held", "report.held.hint": "handover.held.hint", "report.stage.committing": "handover.committing",
	"report.wait.unreachable": "handover.unreachable", "report.wait.full": "handover.full", "report.wait.busy": "handover.busy",
	"report.done": "handover.done", "report.done.text": "handover.done.text", "report.done.answers": "handover.done.answers",
	"report.ack": "handover.ack", "report.ack.text": "handover.ack.text", "report.ack.node": "handover.ack.laptop", "report.seal.hint": "handover.seal.hint",
	"report.honest.phone": "handover.honest.phone", "report.left.text": "handover.left.text", "report.left.erase.sure": "handover.left.sure", "report.stop.sure": "handover.stop.sure",
	"report.no_room.hint": "handover.no_room.hint", "report.let_go": "handover.let_go", "report.not_kept": "handover.not_kept",
	"replies.how": "handover.replies.how", "replies.none": "handover.replies.none", "replies.none.why": "handover.replies.why",
}

// What scripts may say. All of it comes before the page begins, so that nothing has to
// be fetched later and one catalogue serves both sides.
var (
	linkWords = []string{
		"page.internal", "page.size.bytes", "page.size.kb", "page.size.mb", "page.size.gb",
		"report.wait.offline", "report.wait.unreachable", "report.wait.full", "report.wait.busy", "report.wait.next", "report.wait.trying",
		"nodeapi.bad_signature", "nodeapi.no_further", "nodeapi.not_a_node", "nodeapi.not_understood", "node.bad_name", "node.no_page",
	}
	// What a browser is told in which the rest cannot come.
	firstWords  = []string{"report.too_old", "report.insecure"}
	reportWords = append([]string{
		"report.left.busy", "report.left.broken", "report.left.erase.sure",
		"report.point.asking", "report.point.shown", "report.point.refused", "report.point.removed",
		"report.files.remove", "report.files.remove.which", "report.files.total", "report.files.empty", "report.choose_what",
		"report.check.group", "report.check.wrong",
		"report.sending", "report.sending.resumed", "report.saving",
		"report.stage.preparing", "report.stage.deriving", "report.stage.sealing", "report.stage.sending", "report.stage.committing", "report.stage.sealed",
		"report.of", "report.spoken", "report.let_go", "report.keeping", "report.not_keeping", "report.save.text", "report.save.only", "report.save.saved", "report.stop.sure",
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
