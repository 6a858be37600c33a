#!/bin/bash
# Shows that a line stands in the transparency log: recomputes the log's root
# from its files and compares it with the signed checkpoint. Uses bash, od, sed,
# sha256sum and base64, and nothing of Kuä.
#
#   bash inclusion.sh INDEX 'ENTRY'
#
# Run it in the folder of an edition. When a file of the log is not there and B
# holds a site's address, it is fetched with curl. Bytes are kept as printf
# writes them, \x00\x01…, so that one byte is four characters.
set -euo pipefail
export LC_ALL=C
index=$1

get() { # get PATH WIDTH: prints a file of the log; a partial one may be gone, then the full one
	local p
	for p in "$1.p/$2" "$1"; do
		if [ "$2" = 256 ] && [ "$p" != "$1" ]; then continue; fi
		if [ ! -f "log/$p" ] && [ -n "${B:-}" ]; then curl -fsS --create-dirs -o "log/$p" "$B/log/$p" || true; fi
		if [ -f "log/$p" ]; then cat "log/$p"; return; fi
	done
	echo "log/$1 is missing" >&2; exit 1
}
number() { # number N: how the file of tile N is called
	local n=$(($1 / 1000)) s; s=$(printf %03d $(($1 % 1000)))
	while [ "$n" -gt 0 ]; do s=$(printf x%03d/%s $((n % 1000)) "$s"); n=$((n / 1000)); done
	echo "$s"
}
bytes() { od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g'; }
sum() { # sum BYTES: their SHA-256, in $hash
	local s i
	s=$(printf "$1" | sha256sum); hash=
	for ((i = 0; i < 64; i += 2)); do hash+="\\x${s:i:2}"; done
}

stack=() heights=()
push() { # push HASH HEIGHT: adds a whole subtree on the right
	local t=$2 top=$((${#stack[@]} - 1))
	hash=$1
	while [ $top -ge 0 ] && [ "${heights[top]}" = $t ]; do
		sum "\\x01${stack[top]}$hash"
		unset "stack[top]" "heights[top]"
		top=$((top - 1)) t=$((t + 1))
	done
	stack+=("$hash") heights+=("$t")
}
rows() { # rows HASHES HEIGHT: adds hashes as a tile holds them
	local i
	for ((i = 0; i < ${#1}; i += 128)); do push "${1:i:128}" "$2"; done
}
entries() { # entries BUNDLE WIDTH: adds every entry of a bundle, ours among them
	local b at=0 n i e
	b=$(get "tile/entries/$(number "$1")" "$2" | bytes)
	for ((i = 0; i < $2; i++)); do
		n=$((16#${b:at + 2:2}${b:at + 6:2})) e=${b:at + 8:n * 4} at=$((at + 8 + n * 4))
		if [ $(($1 * 256 + i)) = "$index" ] && [ "$e" != "$entry" ]; then
			printf "entry $index is another one: $e\n" >&2; exit 1
		fi
		sum "\\x00$e"; push "$hash" 0
	done
}

entry=$(printf %s "$2" | bytes)
size=$(sed -n 2p log/checkpoint)
root=$(sed -n 3p log/checkpoint | base64 -d | bytes)
if [ "$index" -ge "$size" ]; then echo "the log has only $size entries" >&2; exit 1; fi
ours=$((index / 256)) full=$((size / 256)) rest=$((size % 256))

k=0 # the tile of level 0 that is next; the hashes of whole ones stand in level 1
for ((t = 0; t * 256 < full; t++)); do
	w=$((full - t * 256 < 256 ? full - t * 256 : 256))
	row=$(get "tile/1/$(number $t)" $w | head -c $((w * 32)) | bytes)
	for ((i = 0; i < w; i++, k++)); do
		if [ $k = $ours ]; then entries $k 256; else push "${row:i * 128:128}" 8; fi
	done
done
if [ $rest -gt 0 ]; then
	if [ $k = $ours ]; then entries $k $rest; else rows "$(get "tile/0/$(number $k)" $rest | head -c $((rest * 32)) | bytes)" 0; fi
fi
hash=${stack[${#stack[@]} - 1]}
for ((i = ${#stack[@]} - 2; i >= 0; i--)); do sum "\\x01${stack[i]}$hash"; done
if [ "$hash" != "$root" ]; then echo "the log's files do not hash up to its checkpoint" >&2; exit 1; fi
echo "entry $index is in the log of $size entries"
