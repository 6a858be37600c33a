package letter

import _ "embed"

//go:embed sample.yaml
var sample []byte

// Sample gives a made-up case file with a comment on each of its parts.
func Sample() []byte { return append([]byte(nil), sample...) }
