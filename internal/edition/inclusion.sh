#!/bin/bash
# Shows that a line stands in the transparency log: recomputes the log's root
# from its files and compares it with the signed checkpoint. Uses bash, od,
# sha256sum, base64 and the like, and nothing of Kuä.
#
#   bash inclusion.sh INDEX 'ENTRY'
#
# Run it in the folder of an edition. When a file of the log is not there and B
# holds a site's address, it is fetched with curl. A hash is written as hex.
set -euo pipefail
index=$1 entry=$2

get() { # get PATH WIDTH: prints a file of the log; a partial one may be gone, then the full one
	local p
	for p in "$1.p/$2" "$1"; do
		[ "$2" = 256 ] && [ "$p" != "$1" ] && continue
		[ -f "log/$p" ] || [ -z "${B:-}" ] || curl -fsS --create-dirs -o "log/$p" "$B/log/$p" || true
		[ -f "log/$p" ] && cat "log/$p" && return
	done
	echo "log/$1 is missing" >&2; exit 1
}
number() { # number N: how the file of tile N is called
	local n=$(($1 / 1000)) s; s=$(printf %03d $(($1 % 1000)))
	while [ "$n" -gt 0 ]; do s=$(printf x%03d/%s $((n % 1000)) "$s"); n=$((n / 1000)); done
	echo "$s"
}
hex() { od -An -v -tx1 | tr -d ' \n'; }
rows() { hex | fold -w 64; echo; }
node() { printf "$(printf '01%s%s' "$1" "$2" | sed 's/../\\x&/g')" | sha256sum | cut -c1-64; }
leaf() { (printf '\0'; cat) | sha256sum | cut -c1-64; }

stack=() heights=()
push() { # push HASH HEIGHT: adds a whole subtree on the right
	local h=$1 t=$2 last
	while [ "${#stack[@]}" -gt 0 ]; do
		last=$((${#stack[@]} - 1))
		[ "${heights[$last]}" = "$t" ] || break
		h=$(node "${stack[$last]}" "$h"); t=$((t + 1))
		stack=(${stack[@]+"${stack[@]:0:$last}"}); heights=(${heights[@]+"${heights[@]:0:$last}"})
	done
	stack+=("$h"); heights+=("$t")
}

size=$(sed -n 2p log/checkpoint)
root=$(sed -n 3p log/checkpoint | base64 -d | hex)
[ "$index" -lt "$size" ] || { echo "the log has only $size entries" >&2; exit 1; }
ours=$((index / 256)) full=$((size / 256)) rest=$((size % 256))

entries() { # entries BUNDLE WIDTH: prints the leaf hash of every entry, and checks that ours is the given one
	local dir i at=1 n
	dir=$(mktemp -d); get "tile/entries/$(number "$1")" "$2" >"$dir/b"
	for ((i = 0; i < $2; i++)); do
		n=$((16#$(tail -c +$at "$dir/b" | head -c 2 | hex)))
		tail -c +$((at + 2)) "$dir/b" | head -c $n >"$dir/e"
		if [ $(($1 * 256 + i)) = "$index" ] && [ "$(cat "$dir/e")" != "$entry" ]; then
			echo "entry $index is another one: $(cat "$dir/e")" >&2; exit 1
		fi
		leaf <"$dir/e"; at=$((at + 2 + n))
	done
	rm -r "$dir"
}

k=0
for ((t = 0; t * 256 < full; t++)); do # hashes of whole tiles stand in the tiles of level 1
	w=$((full - t * 256 < 256 ? full - t * 256 : 256))
	hashes=$(get "tile/1/$(number $t)" $w | head -c $((w * 32)) | rows)
	for h in $hashes; do
		if [ $k = $ours ]; then
			list=$(entries $k 256); for l in $list; do push "$l" 0; done
		else
			push "$h" 8
		fi
		k=$((k + 1))
	done
done
if [ "$rest" -gt 0 ]; then
	if [ $k = $ours ]; then list=$(entries $k "$rest"); else list=$(get "tile/0/$(number $k)" "$rest" | head -c $((rest * 32)) | rows); fi
	for l in $list; do push "$l" 0; done
fi
h=${stack[-1]}
for ((i = ${#stack[@]} - 2; i >= 0; i--)); do h=$(node "${stack[$i]}" "$h"); done
[ "$h" = "$root" ] || { echo "the log's files do not hash up to its checkpoint" >&2; exit 1; }
echo "entry $index is in the log of $size entries"
