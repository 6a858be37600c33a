package edition

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/record"
)

//go:embed inclusion.sh
var script []byte

// Script is the shell script that recomputes the log's root with stock tools.
// Every edition holds it at ScriptPath.
func Script() []byte { return slices.Clone(script) }

// RecipeInput is what the recipe of a record's page depends on. Everything in it
// is known before the edition is signed.
type RecipeInput struct {
	Record    record.Record
	Document  []byte          // the record's exact bytes
	Charter   charter.Charter // the edition's
	CharterID string
	Index     uint64 // of the record's entry in the log
}

// scriptPart is the part that lists the script (paths.go).
const scriptPart = "parts/root.json"

// Step is one thing to check: Key is the key of its explanation in the
// catalogue, Commands are to be run in bash in this order.
type Step struct {
	Key      string
	Commands []string
}

// Recipe gives the commands with which anybody checks a record without Kuä:
// bash, curl, sha256sum, openssl (1.1.1 or newer) and grep. They are run in a
// folder of the reader's own with B set to the address of any copy, or in the
// folder of a copy with the first step left out. Every command ends with an
// error when its check fails.
//
// Nothing in the commands comes from people's words: only numbers, hashes, base64
// and the log's origin, which is quoted.
func Recipe(in RecipeInput) []Step {
	doc := in.Record.Path()
	charterPath := charterPathOf(in.Charter)
	part := "parts/" + PartOf(doc) + ".json"
	return []Step{
		{"recipe.fetch", []string{fetchAll(in, doc, charterPath, part)}},
		{"recipe.hash", hashes(in, doc)},
		{"recipe.signature", signatures(in.Charter, doc, charterPath)},
		{"recipe.charter", []string{check256(in.CharterID, charterPath)}},
		{"recipe.edition", []string{
			signed(in.Charter, ManifestPath),
			fmt.Sprintf(`grep -cF '{"path":"%s","sha256":"%s",' %s`, doc, canon.Hash(in.Document), part),
			fmt.Sprintf(`grep -cF "\"sha256\":\"$(sha256sum %s | cut -c1-64)\"" %s`, part, ManifestPath),
		}},
		{"recipe.checkpoint", noteSigned(in.Charter, charterPath, LogDir+"/checkpoint")},
		{"recipe.log", []string{scriptSigned(), inclusion(in)}},
	}
}

// fetchAll fetches what the other steps read. Nobody knows beforehand which of
// the people have signed, so it tries them all.
func fetchAll(in RecipeInput, doc, charterPath, part string) string {
	files := []string{doc, charterPath, ManifestPath, part, LogKeyPath, LogDir + "/checkpoint", ScriptPath, scriptPart}
	for _, f := range in.Record.AllFiles() {
		files = append(files, f.Path())
	}
	for _, id := range keyIDs(in.Charter) {
		files = append(files, KeyPath(id), SignaturePath(doc, id), SignaturePath(ManifestPath, id))
	}
	slices.Sort(files)
	return fmt.Sprintf("for f in %s; do curl -fsS --create-dirs -o $f $B/$f || echo not there: $f; done",
		strings.Join(slices.Compact(files), " "))
}

func hashes(in RecipeInput, doc string) []string {
	commands := []string{check256(canon.Hash(in.Document), doc)}
	seen := make(map[string]bool)
	for _, f := range in.Record.AllFiles() {
		if !seen[f.Path()] {
			commands = append(commands, check256(f.SHA256, f.Path()))
		}
		seen[f.Path()] = true
	}
	return commands
}

func check256(sum, file string) string {
	return fmt.Sprintf("echo '%s  %s' | sha256sum -c", sum, file)
}

func verify(key, file, signature string) string {
	return fmt.Sprintf("openssl pkeyutl -verify -pubin -inkey %s -rawin -in %s -sigfile %s", key, file, signature)
}

// keyInCharter shows that a PEM file holds the publishing key that it is named after,
// so that one key under two names is not taken for two people, and that the charter names it as
// a person's who has not left: behind the recipient stands no day of leaving.
func keyInCharter(id, charterPath string) string {
	raw := fmt.Sprintf("openssl pkey -pubin -in %s -outform DER | tail -c 32", KeyPath(id))
	return fmt.Sprintf(`%s | sha256sum | grep -c ^%s && grep -c "\"publishkey\":\"$(%s | base64)\",\"recipient\":\"[^\"]*\",\"since\"" %s`, raw, id, raw, charterPath)
}

// signatures shows that the keys are the charter's and that enough of them have
// signed the record.
func signatures(c charter.Charter, doc, charterPath string) []string {
	var commands []string
	for _, id := range keyIDs(c) {
		commands = append(commands, keyInCharter(id, charterPath))
	}
	return append(commands, signed(c, doc))
}

// signed counts the good signatures of different people over a document and
// wants the threshold.
func signed(c charter.Charter, doc string) string {
	return fmt.Sprintf("n=0; for k in %s; do %s && n=$((n+1)); done; [ $n -ge %d ]",
		strings.Join(keyIDs(c), " "), verify("keys/$k.pem", doc, SignaturePath(doc, "$k")), c.Threshold)
}

// keyName gives a verifier key's name and hash: all but the key itself.
func keyName(vkey string) string {
	if f := strings.SplitN(vkey, "+", 3); len(f) == 3 {
		return f[0] + "+" + f[1]
	}
	return vkey
}

// charterPathOf is where a version of the charter lies.
func charterPathOf(c charter.Charter) string { return fmt.Sprintf("charter/%d.json", c.Version) }

// noteSigned takes the signed note of a checkpoint apart: the text up to
// the empty line, and behind four bytes of key hash the signature. The key must be the
// log's present one; the charter names those before it too.
func noteSigned(c charter.Charter, charterPath, note string) []string {
	return []string{
		fmt.Sprintf(`grep -cF %s"$( (printf '\001'; openssl pkey -pubin -in %s -outform DER | tail -c 32) | base64)\"" %s`, quote(`"log":{"key":"`+keyName(c.Log.Key)+"+"), LogKeyPath, charterPath),
		"sed '/^$/,$d' " + note + " > checkpoint.txt",
		fmt.Sprintf("grep -F %s %s | head -n 1 | sed 's/.* //' | base64 -d | tail -c 64 > checkpoint.sig", quote("— "+c.Log.Origin+" "), note),
		verify(LogKeyPath, "checkpoint.txt", "checkpoint.sig"),
	}
}

// scriptSigned shows that the script is the one that the edition lists, before it
// is run.
func scriptSigned() string {
	return fmt.Sprintf(`grep -cF "\"path\":\"%[1]s\",\"sha256\":\"$(sha256sum %[1]s | cut -c1-64)\"" %[2]s && grep -cF "\"sha256\":\"$(sha256sum %[2]s | cut -c1-64)\"" %[3]s`,
		ScriptPath, scriptPart, ManifestPath)
}

func inclusion(in RecipeInput) string {
	leaf, err := RecordEntry(in.Record, in.Document).Bytes()
	if err != nil {
		return "false" // an invalid record has no entry
	}
	return fmt.Sprintf("bash %s %d %s", ScriptPath, in.Index, quote(string(leaf)))
}

// keyIDs gives the ids of the people who may sign.
func keyIDs(c charter.Charter) []string {
	var ids []string
	for _, p := range c.Current() {
		ids = append(ids, charter.KeyID(p.PublishKey))
	}
	return ids
}

// quote makes s one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
