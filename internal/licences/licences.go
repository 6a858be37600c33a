// Package licences holds the licence texts of what the program carries: its own,
// those of the Go modules that are linked into it, of the npm packages whose code
// is in its pages, and of the font it writes letters with. It knows nothing of the
// program; the command prints it.
package licences

import _ "embed"

// Text is every licence once, each below the names and versions of what it is
// for. TestText makes it out of the module cache and web/node_modules and holds
// that it is what is linked now:
//
//go:generate go test -run TestText -update .
//go:embed licences.txt
var Text string
