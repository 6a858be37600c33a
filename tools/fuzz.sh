#!/bin/sh
# Runs every fuzz target of the module for a while: tools/fuzz.sh 5s
# Each package is built once; as many targets run at a time as there are cores.
# With a number, as CI does: tools/fuzz.sh 1s 4 takes each fourth package, which ones hangs
# on the commit's name, and what the tests have compiled already, so that nothing
# leads the fuzzer to new ground.
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
each=${2:-1}
built='-fuzz=.'
first=0
if [ "$each" -gt 1 ]; then
	built='-vet=off -ldflags=-s\ -w'
	first=$(($(printf %d "0x$(git rev-parse --short=4 HEAD | cut -c1-4)") % each))
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
go list -f '{{.Dir}}' ./... | while read -r dir; do
	targets=$(cat "$dir"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p')
	[ -n "$targets" ] || continue
	n=$((n + 1))
	[ $((n % each)) = "$first" ] || continue
	binary=$work/$(echo "$dir" | tr / _).test
	eval go test -c "$built" -o '"$binary"' '"$dir"'
	for target in $targets; do printf '%s\0' "$binary" "$dir" "$target" "$time" "$work"; done >>"$work/all"
done
test "$(tr -dc '\0' <"$work/all" | wc -c)" -gt $((5 * 50 / each / 2)) # a search that finds nothing must not look green
xargs -0 -P "$(nproc)" -n 5 "$0" --one <"$work/all"
