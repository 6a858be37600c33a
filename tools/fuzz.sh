#!/bin/sh
# Runs every fuzz target of the module for a while: tools/fuzz.sh 5s
# Each package is built once; as many targets run at a time as there are cores.
set -eu

# one BINARY DIR TARGET TIME WORK
one() {
	cd "$2"
	out=$5/$3.out
	run() { "$1" -test.run '^$' -test.fuzz "^$3\$" -test.fuzztime "$4" -test.fuzzminimizetime 10x -test.fuzzcachedir "$5/cache" -test.parallel 1 >"$out" 2>&1 </dev/null; }
	# Go's fuzzer can end with its own deadline as the only fault;
	# an input that fails is written down and named, and is never tried away.
	run "$@" || { ! grep -q 'Failing input\|panic\|testdata/fuzz' "$out" && grep -q 'context deadline exceeded' "$out" && run "$@"; } || {
		echo "fuzz $3 in $2 FAILED"
		cat "$out"
		exit 255 # xargs begins no other
	}
	echo "fuzz $3 in ${2##*/internal/}: $(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$out" | tail -1) inputs"
}
if [ "${1:-}" = --one ]; then
	shift
	one "$@"
	exit 0
fi

time=${1:-5s}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go list -f '{{.Dir}}' ./... | while read -r dir; do
	targets=$(cat "$dir"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p')
	[ -n "$targets" ] || continue
	binary=$work/$(echo "$dir" | tr / _).test
	go test -c -fuzz=. -o "$binary" "$dir"
	for target in $targets; do echo "$binary $dir $target $time $work"; done >>"$work/all"
done
test "$(wc -l <"$work/all")" -gt 50 # a search that finds nothing must not look green
xargs -P "$(nproc)" -L 1 "$0" --one <"$work/all"
