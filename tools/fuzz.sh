#!/bin/sh
# Runs every fuzz target of the module for a while: tools/fuzz.sh 5s
set -eu
time=${1:-5s}
go list -f '{{.Dir}}' ./... | while read -r dir; do
	for file in "$dir"/*_test.go; do
		[ -e "$file" ] || continue
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
			echo "fuzz $target in ${dir#"$PWD"/}"
			run() { go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$dir" >/tmp/kua-fuzz.$$ 2>&1 </dev/null; }
			# Go's fuzzer can end with its own deadline as the only fault;
			# an input that fails is written down and named, and is never tried away.
			run || { ! grep -q 'Failing input\|panic\|testdata/fuzz' /tmp/kua-fuzz.$$ && grep -q 'context deadline exceeded' /tmp/kua-fuzz.$$ && run; } || {
				cat /tmp/kua-fuzz.$$
				rm -f /tmp/kua-fuzz.$$
				exit 1
			}
		done
	done
done
rm -f /tmp/kua-fuzz.$$
