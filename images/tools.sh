#!/usr/bin/env bash
# Installs what the tests need: Debian packages, pinned Go tools built from
# nested modules, npm packages by lock file. Does nothing that is done already;
# anything that cannot be had fails.
set -euo pipefail
tools=$1; shift
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$tools/bin"

missing=()
for package in "$@"; do
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
	sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
	# The tests start servers of their own: a service that a new package brings stays off.
	if [ -d /run/systemd/system ]; then
		[ -x /usr/sbin/sshd ] || $sudo systemctl mask ssh.service ssh.socket
		[ -x /usr/sbin/nginx ] || $sudo systemctl mask nginx.service
	fi
	echo "installing ${missing[*]}"
	$sudo apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$tools/apt.log" 2>&1 ||
		{ tail -20 "$tools/apt.log"; exit 1; }
fi

# build FOLDER NAME PACKAGE: a program from a module that pins it
build() {
	local stamp="$tools/$2.sum"
	if [ ! -x "$tools/bin/$2" ] || ! cmp -s "$root/$1/go.sum" "$stamp"; then
		echo "building $2"
		(cd "$root/$1" && CGO_ENABLED=0 go build -trimpath -o "$tools/bin/$2" "$3")
		cp "$root/$1/go.sum" "$stamp"
	fi
}
build hub/testdata/peers go2rtc github.com/AlexxIT/go2rtc
build hub/testdata/s3 gofakes3 github.com/johannesboyne/gofakes3/cmd/gofakes3
build hub/testdata/witness litewitness filippo.io/torchwood/cmd/litewitness
build hub/testdata/lint gofumpt mvdan.cc/gofumpt
build hub/testdata/lint staticcheck honnef.co/go/tools/cmd/staticcheck
build hub/testdata/lint gotestsum gotest.tools/gotestsum

# packages FOLDER: npm packages exactly as locked
packages() {
	if ! cmp -s "$root/$1/package-lock.json" "$root/$1/node_modules/.gatehouse-lock"; then
		echo "npm packages of $1"
		(cd "$root/$1" && npm ci --silent --no-audit --no-fund --ignore-scripts)
		cp "$root/$1/package-lock.json" "$root/$1/node_modules/.gatehouse-lock"
	fi
}

# python FOLDER NAME: a Python that has the packages of a folder's requirements.txt
python() {
	local list="$root/$1/requirements.txt"
	cmp -s "$list" "$tools/$2/requirements.txt" && [ -x "$tools/bin/$2" ] && return
	echo "Python packages of $1"
	rm -rf "$tools/$2"
	python3 -m venv "$tools/$2"
	"$tools/$2/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$list"
	printf '#!/bin/sh\nexec "%s/bin/python" "$@"\n' "$tools/$2" >"$tools/bin/$2"
	chmod +x "$tools/bin/$2"
	cp "$list" "$tools/$2/requirements.txt"
}
python bridge/homekit/testdata/controller homekit-python

# new_enough NODE: whether it is of the version that @axe-core/playwright asks for
new_enough() {
	"$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || a === 22 && b >= 12 ? 0 : 1)' 2>/dev/null
}

packages bridge/homekit/testdata/controller
packages bridge/homekit/testdata/accessory
packages ui/e2e
# Debian 12 packages node 18. Its npm runs on nothing else, so the newer one
# lies in a folder that only the browser tests have in their PATH.
if ! new_enough node && ! new_enough "$tools/node/node"; then
	packages ui/e2e/node
	mkdir -p "$tools/node"
	ln -sf "$root"/ui/e2e/node/node_modules/node-linux-*/bin/node "$tools/node/node"
	new_enough "$tools/node/node" ||
		{ echo "no node 22.12 or newer for $(uname -sm): install one and run this again" >&2; exit 1; }
fi
