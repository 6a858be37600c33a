#!/bin/bash
# Shows that a line stands in the transparency log: recomputes the log's root
# from its files and compares it with the signed checkpoint. Uses bash, od, sed,
# tr, xargs, sha256sum and base64, and nothing of Kuä.
#
#   bash inclusion.sh INDEX 'ENTRY'
#
# Run it in the folder of an edition. When a file of the log is not there and B
# holds a site's address, it is fetched with curl. Bytes are kept as printf
# writes them, \x00\x01…, so that one byte is four characters.
set -euo pipefail
export LC_ALL=C
index=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
in=() out=()
sums() { # the SHA-256 of each of ${in[@]}, by one process, in ${out[@]}
	local i s
	for i in "${!in[@]}"; do printf "${in[i]}" >"$work/$i"; done
	out=()
	while read -r s; do out+=("$s"); done < <(cd "$work" && printf '%s\n' "${!in[@]}" | xargs sha256sum | sed 's/ .*//; s/../\\x&/g')
	if [ ${#out[@]} != ${#in[@]} ]; then echo "sha256sum did not answer" >&2; exit 1; fi
}
pairs() { # pairs HASH…: the hash above each two of them, in ${out[@]}
	in=()
	while [ $# -gt 1 ]; do in+=("\\x01$1$2"); shift 2; done
	sums
}

peaks=() # the roots of whole subtrees, from left to right
climb() { # climb HASH…: adds what these hashes of one height make together
	local row=("$@") right=()
	while [ ${#row[@]} -gt 1 ]; do
		if [ $((${#row[@]} % 2)) = 1 ]; then right=("${row[${#row[@]} - 1]}" ${right[@]+"${right[@]}"}); fi
		pairs "${row[@]}"; row=("${out[@]}")
	done
	peaks+=("${row[@]}" ${right[@]+"${right[@]}"})
}
split() { # split BYTES: hashes as a tile holds them, in ${out[@]}
	local i
	out=()
	for ((i = 0; i < ${#1}; i += 128)); do out+=("${1:i:128}"); done
}
entries() { # entries BUNDLE WIDTH: the hash of every entry of a bundle, ours among them, in ${out[@]}
	local b at=0 n i e
	b=$(get "tile/entries/$(number "$1")" "$2" | bytes)
	in=()
	for ((i = 0; i < $2; i++)); do
		n=$((16#${b:at + 2:2}${b:at + 6:2})) e=${b:at + 8:n * 4} at=$((at + 8 + n * 4))
		if [ $(($1 * 256 + i)) = "$index" ] && [ "$e" != "$entry" ]; then
			printf 'entry %s is another one: ' "$index" >&2; printf "$e\n" | tr -cd '[:print:]\n' >&2; exit 1
		fi
		in+=("\\x00$e")
	done
	sums
}

entry=$(printf %s "$2" | bytes)
size=$(sed -n 2p log/checkpoint)
for n in "$size" "$index"; do # bash would run what stands in a sum
	case $n in '' | *[!0-9]* | 0?*) echo "no number: $n" >&2; exit 1 ;; esac
done
root=$(sed -n 3p log/checkpoint | base64 -d | bytes)
if [ "$index" -ge "$size" ]; then echo "the log has only $size entries" >&2; exit 1; fi
ours=$((index / 256)) full=$((size / 256)) rest=$((size % 256))

whole=() # hashes of the tiles of level 0 that are full, as level 1 holds them
for ((t = 0; t * 256 < full; t++)); do
	w=$((full - t * 256 < 256 ? full - t * 256 : 256))
	split "$(get "tile/1/$(number $t)" $w | head -c $((w * 32)) | bytes)"; whole+=("${out[@]}")
done
if [ $ours -lt $full ]; then # ours is one of them: made anew from its entries
	entries $ours 256; climb "${out[@]}"
	whole[ours]=${peaks[0]} peaks=()
fi
if [ $full -gt 0 ]; then climb "${whole[@]}"; fi
if [ $rest -gt 0 ]; then
	if [ $ours = $full ]; then entries $full $rest; else split "$(get "tile/0/$(number $full)" $rest | head -c $((rest * 32)) | bytes)"; fi
	climb "${out[@]}"
fi
hash=${peaks[${#peaks[@]} - 1]}
for ((i = ${#peaks[@]} - 2; i >= 0; i--)); do pairs "${peaks[i]}" "$hash"; hash=${out[0]}; done
if [ "$hash" != "$root" ]; then echo "the log's files do not hash up to its checkpoint" >&2; exit 1; fi
echo "entry $index is in the log of $size entries"
