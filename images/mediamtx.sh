#!/usr/bin/env bash
# Builds MediaMTX, the recorder that the bench compares the hub with, into
# TOOLS/bin from the Go module of its release. Two files that its own build makes
# are not in the module: its version, and the hls.js that its HLS server gives
# out; that server is off in the bench, so an empty one does.
set -euo pipefail
tools=$1
version=v1.15.3
sum=h1:JZXYLqTf5qFu3Qh2kYevZAjPiP95y3LW8LzXpvYiloU=

stamp="$tools/mediamtx.sum"
[ -x "$tools/bin/mediamtx" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && exit
echo "building mediamtx $version"
mkdir -p "$tools/bin"
src=$(mktemp -d)
trap 'rm -rf "$src"' EXIT
cd "$src"
info=$(go mod download -json "github.com/bluenviron/mediamtx@$version")
[ "$(jq -r .Sum <<<"$info")" = "$sum" ] || { echo "mediamtx $version is not the one that was pinned" >&2; exit 1; }
cp -r --no-preserve=mode "$(jq -r .Dir <<<"$info")" mediamtx
cd mediamtx
echo "$version" >internal/core/VERSION
: >internal/servers/hls/hls.min.js
mkdir -p internal/staticsources/rpicamera/mtxrpicam_{32,64} # camera programs of the Raspberry Pi, embedded on ARM
touch internal/staticsources/rpicamera/mtxrpicam_{32,64}/none
CGO_ENABLED=0 go build -trimpath -o "$tools/bin/mediamtx" .
echo "$sum" >"$stamp"
