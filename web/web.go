// Package web holds what a browser receives: page templates, the words in every
// language, and the scripts and stylesheets that esbuild made from components/
// and lib/ into dist/.
//
// It renders nothing and knows no product rule. Every package that shows pages
// may use it. The browser code is built, not committed: "make web" makes it, and
// Assets says so when it is missing.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist all:templates locales
var files embed.FS

// Templates gives the page templates: one folder a room, and _shared.
func Templates() fs.FS { return below("templates") }

// Locales gives the words: one folder a language, with JSON files in it.
func Locales() fs.FS { return below("locales") }

func below(dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // dir is a constant that the embed directive names
	}
	return sub
}
