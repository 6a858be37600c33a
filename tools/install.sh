#!/bin/sh
# Installs what a part of the work needs and this machine lacks, with apt.
#
#   tools/install.sh build    nothing: it says whether Go, Node and npm are here and new enough, as all the others do first
#   tools/install.sh demo     what the program itself calls: ffmpeg, bubblewrap, opencv-data, espeak-ng, libheif, poppler, LibreOffice's Writer
#   tools/install.sh test     what the tests start besides: Chromium and its shell without windows, openssl, exiftool, heif-enc, nginx, busybox, tor, PostgreSQL, aiosmtpd, xmllint, zbarimg,
#                             versitygw, and Open311 clients in Perl, Python, Ruby and PHP
#   tools/install.sh browsers what make test-browsers starts besides: Firefox, WebKitGTK with its driver and what it plays films with, a screen for it, exiftool
#   tools/install.sh bench    what the benchmarks compare with: nginx, wrk, mat2, exiftool, rsync
#
# Where it may not install (not root, no sudo, no apt) it names the packages and
# the command, and stops with an error: nothing goes on half-equipped.
set -eu

# What builds it. An older Go fetches the one that go.mod asks for, if it may; from 1.21 on it says why it cannot.
cd "$(dirname "$0")/.."
stop() {
	echo "kua: error: $1" >&2
	echo "kua: hint: install Go $go and Node $node, or newer (Debian 12's own are too old: https://go.dev/dl, https://nodejs.org), then run this again" >&2
	exit 1
}
old() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" != "$2" ]; } # HAVE WANT
go=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)
node=$(sed -n 's/.*"node": ">=\([0-9]*\)".*/\1/p' web/package.json)
for tool in go node npm; do
	command -v "$tool" >/dev/null 2>&1 || stop "$tool is not installed"
done
have=$(go version 2>&1) || stop "Go cannot be used here: $have"
have=$(printf '%s' "$have" | sed -n 's/.*go\([0-9][0-9.]*\).*/\1/p')
! old "$have" "$go" || stop "Go $have is too old"
have=$(node --version | tr -d v)
! old "$have" "$node" || stop "Node $have is too old"
[ "${1:-demo}" != build ] || exit 0

need=
portrait= # where it is to lie, when it is missing
PATH=$PATH:/usr/sbin # which is not in the path of who is not root
want() { command -v "$1" >/dev/null 2>&1 || need="$need $2"; }

want ffmpeg ffmpeg
want ffprobe ffmpeg
want bwrap bubblewrap
[ -f /usr/share/opencv4/haarcascades/haarcascade_frontalface_alt2.xml ] || need="$need opencv-data"
want espeak-ng espeak-ng
want heif-convert libheif-examples
want pdftoppm poppler-utils
want soffice libreoffice-writer-nogui # 84 MB to fetch, 259 MB on the disk
want fc-list fontconfig
case "${1:-demo}" in
demo) ;;
test)
	want chromium chromium
	want chromium-headless-shell chromium-headless-shell # Chromium without windows, which starts and runs with far less
	want openssl openssl
	want exiftool libimage-exiftool-perl
	want heif-enc libheif-examples
	want nginx nginx-light
	want busybox busybox
	want sha256sum coreutils
	want xxd xxd
	want tor tor # with tor-gencert, for a private network on loopback
	/usr/bin/python3 -c 'import aiosmtpd' >/dev/null 2>&1 || need="$need python3-aiosmtpd" # an SMTP server
	want xmllint libxml2-utils
	want zbarimg zbar-tools # reads the QR codes below every page
	# The clients of e2e/open311: 24 MB to fetch.
	want ruby ruby
	want php php-cli
	php -r 'exit(function_exists("curl_init") ? 0 : 1);' 2>/dev/null || need="$need php-curl"
	php -r 'exit(function_exists("simplexml_load_string") ? 0 : 1);' 2>/dev/null || need="$need php-xml"
	perl -MLWP::UserAgent -e 1 2>/dev/null || need="$need libwww-perl"
	perl -MXML::LibXML -e 1 2>/dev/null || need="$need libxml-libxml-perl"
	/usr/bin/python3 -c 'import requests' 2>/dev/null || need="$need python3-requests"
	/usr/bin/python3 -c 'import lxml' 2>/dev/null || need="$need python3-lxml"
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || want initdb postgresql
	# NASA's portrait of an astronaut, in the public domain: what the face
	# detectors are tested on. It is taken out of a package that is not installed.
	inside=usr/lib/python3/dist-packages/skimage/data/astronaut.png
	[ -f /usr/local/share/kua-test/astronaut.png ] || portrait=/usr/local/share/kua-test/astronaut.png
	;;
browsers)
	want exiftool libimage-exiftool-perl
	want firefox-esr firefox-esr
	want WebKitWebDriver webkit2gtk-driver
	want Xvfb xvfb
	for part in isomp4 openh264 libav; do
		ls /usr/lib/*/gstreamer-1.0/libgst$part.so >/dev/null 2>&1 || case $part in
		isomp4) need="$need gstreamer1.0-plugins-good" ;;
		openh264) need="$need gstreamer1.0-plugins-bad" ;;
		libav) need="$need gstreamer1.0-libav" ;;
		esac
	done
	;;
bench)
	want nginx nginx-light
	want wrk wrk
	want mat2 mat2
	want exiftool libimage-exiftool-perl
	want rsync rsync
	;;
*)
	echo "usage: tools/install.sh build|demo|test|browsers|bench" >&2
	exit 2
	;;
esac

# The S3 server of the tests, which is no package: built once, from a module of its own,
# with the Makefile's settings, so that what both are made of is compiled once.
gateway="${XDG_CACHE_HOME:-$HOME/.cache}/kua-tests/versitygw-v1.8.0"
if [ "${1:-demo}" = test ] && [ ! -x "$gateway" ]; then
	echo "kua: building versitygw, once"
	(cd tools/versitygw && CGO_ENABLED=0 GOFLAGS=-trimpath go build -ldflags='-s -w' -o "$gateway" github.com/versity/versitygw/cmd/versitygw)
fi

[ -n "$need$portrait" ] || exit 0
need=$(printf '%s' "$need" | tr ' ' '\n' | sort -u | tr '\n' ' ')

if ! command -v apt-get >/dev/null 2>&1; then
	echo "kua: error: missing: $need $portrait" >&2
	echo "kua: hint: this machine has no apt-get; install these packages its own way, then run this again" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	as=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	as=sudo
else
	echo "kua: error: missing: $need $portrait" >&2
	[ -z "$need" ] || echo "kua: hint: sudo apt-get update && sudo apt-get install -y --no-install-recommends $need" >&2
	[ -z "$portrait" ] || echo "kua: hint: cd \$(mktemp -d) && apt-get download python3-skimage && dpkg-deb -x python3-skimage_*.deb . && sudo install -D -m 644 $inside $portrait" >&2
	exit 1
fi
echo "kua: installing with apt: $need $portrait"
export DEBIAN_FRONTEND=noninteractive
$as apt-get update -qq
if [ -n "$portrait" ]; then
	dir=$(mktemp -d) && chmod 755 "$dir"
	(cd "$dir" && apt-get download -qq python3-skimage >/dev/null && dpkg-deb -x python3-skimage_*.deb .)
	$as install -D -m 644 "$dir/$inside" "$portrait"
	rm -rf "$dir"
fi
[ -n "$need" ] || exit 0
# shellcheck disable=SC2086 # a list of package names
$as apt-get install -y -qq --no-install-recommends $need >/dev/null
