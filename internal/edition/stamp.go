package edition

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"kua/internal/charter"
	"kua/internal/tlog"
)

// A time stamp (RFC 3161) covers the log as an edition left it: its checkpoint, a signed
// note, and with that every entry up to it. It is made when the edition is out, and is
// published with a later one. spec/edition.md, "Time stamps".

// stampPath is the shape of a stamped note, and of a stamp over it.
const stampPath = `stamps/` + number + `(?:\.txt|\.(` + keyID + `)\.tsr)`

var stampFile = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + stampPath + `$`) })

// StampedPath is where the checkpoint that an edition left lies, as it was stamped.
func StampedPath(edition int) string { return fmt.Sprintf("stamps/%d.txt", edition) }

// StampPath is where the stamp over that checkpoint lies which leads to the roots with
// this id.
func StampPath(edition int, roots string) string {
	return fmt.Sprintf("stamps/%d.%s.tsr", edition, roots)
}

// StampRootsPath is where the roots with this id lie, as PEM.
func StampRootsPath(roots string) string { return "stamps/" + roots + ".pem" }

// Stamped takes the path of a stamped checkpoint, or of a stamp over it, apart; roots is
// "" for the checkpoint itself.
func Stamped(path string) (edition int, roots string, ok bool) {
	m := stampFile().FindStringSubmatch(path)
	if m == nil {
		return 0, "", false
	}
	n, err := strconv.Atoi(m[1])
	return n, m[2], err == nil && n > 0
}

// StampRecipe gives the commands with which anybody checks stamps over a checkpoint,
// which is note, without Kuä: bash, curl, openssl and GNU date, in a folder of the reader's own
// with B set to the address of any copy. Every command ends with an error when its check
// fails. The last step goes by the log's present key, and is left out where an earlier one
// signed.
func StampRecipe(edition int, note []byte, roots []string, c charter.Charter) []Step {
	path := StampedPath(edition)
	files := []string{path, LogKeyPath, charterPathOf(c)}
	var checks, fingerprints []string
	for _, id := range roots {
		tsr, pem := StampPath(edition, id), StampRootsPath(id)
		files = append(files, tsr, pem)
		fingerprints = append(fingerprints, fmt.Sprintf("openssl x509 -in %s -noout -subject -fingerprint -sha256", pem))
		checks = append(checks, fmt.Sprintf(`t=$(openssl ts -reply -in %[1]s -text 2>/dev/null | sed -n 's/^Time stamp: //p'); [ -n "$t" ] && echo "$t" && `+
			`openssl ts -verify -in %[1]s -data %[2]s -CAfile %[3]s -attime $(date -ud "$t" +%%s)`, tsr, path, pem))
	}
	steps := []Step{
		{"recipe.stamp.fetch", []string{fmt.Sprintf("for f in %s; do curl -fsS --create-dirs -o $f $B/$f; done", strings.Join(files, " "))}},
		{"recipe.stamp.root", fingerprints},
		{"recipe.stamp.time", checks},
	}
	if _, err := tlog.ParseCheckpoint(note, c.Log.Origin, c.Log.Key); err == nil {
		steps = append(steps, Step{"recipe.stamp.log", append(noteSigned(c, charterPathOf(c), path), "mkdir -p log && cp "+path+" log/checkpoint")})
	}
	return steps
}
