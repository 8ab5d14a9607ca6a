#!/usr/bin/env bash
# verify.sh PACKAGE [IDENTITY [HUB]]: checks a package with tools that nobody of
# Gatehouse wrote: age, tar, sha256sum, jq, openssl. PACKAGE is a .ghe, its tar or its folder,
# IDENTITY a file with the age identity, HUB the recorder's key in hex, as you know it.
set -euo pipefail
export LC_ALL=C
ok() { echo "ok      $*"; }; fail() { echo "FAILED  $*" >&2; exit 1; }
tmp=$(mktemp -d); trap 'fail "at line $LINENO"' ERR; trap 'rm -rf "$tmp"' EXIT
dir=$1 tar=$1
if [ -f "$1" ]; then
	if [ "$(head -c 19 "$1")" = age-encryption.org/ ]; then
		tar=$tmp/tar; age -d -i "$2" "$1" >"$tar" 2>/dev/null || fail "age: it cannot be opened"
		ok "age: it opens with the identity and is whole"
	fi
	tar -tvf "$tar" | awk '$1 !~ /^-/ { exit 1 }' || fail "tar: something in it is not a plain file"
	names=$(tar -tf "$tar") # of one folder, each once, none hidden or climbing out
	if grep -qvE '^GH-[A-Z0-9]{4}-[A-Z0-9]{4}(/[A-Za-z0-9][A-Za-z0-9._-]*)+$' <<<"$names" || [ -n "$(sort <<<"$names" | uniq -d)" ] ||
		[ "$(cut -d/ -f1 <<<"$names" | uniq | wc -l)" != 1 ]; then fail "tar: a bad name"; fi
	mkdir "$tmp/open"; tar -C "$tmp/open" -xf "$tar"; dir=$(echo "$tmp"/open/*)
fi
cd "$dir"
[ -z "$(find . -mindepth 1 ! -type f ! -type d)" ] || fail "folder: something in it is not a plain file"

# Every file but the list itself stands in SHA256SUMS, with its digest.
there() { find . -type f -printf '%P\n' | grep -vxF -e SHA256SUMS "$@" | sort; }
{ ! grep -qvE '^[0-9a-f]{64}  ' SHA256SUMS && sha256sum --strict --quiet -c SHA256SUMS >/dev/null 2>&1; } || fail "sums: a digest differs, or a file is missing"
cmp -s <(cut -c67- SHA256SUMS | sort) <(there) || fail "sums: SHA256SUMS does not list exactly the files that are there"
ok "sums: $(wc -l <SHA256SUMS) files have the digests listed"

payload() { jq -ej .payload "$1" | base64 -d; }
# signers ENVELOPE: which of the keys (base64, one a line) on standard input have signed it (DSSE, Ed25519).
signers() {
	payload "$1" >"$tmp/payload"; type=$(jq -ej .payloadType "$1")
	{ printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c <"$tmp/payload")"; cat "$tmp/payload"; } >"$tmp/pae"
	while read -r key; do
		{ printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; base64 -d <<<"$key"; } >"$tmp/key" # RFC 8410
		for sig in $(jq -er '.signatures[].sig' "$1"); do
			base64 -d <<<"$sig" >"$tmp/sig"
			if openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp/key" -rawin -in "$tmp/pae" -sigfile "$tmp/sig" >/dev/null 2>&1; then
				echo "$key"; break
			fi
		done
	done
}

payload manifest.dsse.json >"$tmp/manifest"; m() { jq -er "$1" "$tmp/manifest"; }
hub=$(m .predicate.hub_ed25519)
[ -z "${3-}" ] || [ "$(base64 -d <<<"$hub" | od -An -vtx1 | tr -d ' \n')" = "$3" ] || fail "manifest: it is of another recorder"
[ "$(signers manifest.dsse.json <<<"$hub")" = "$hub" ] || fail "manifest: its signature does not hold"
cmp -s <(m '.subject[] | .digest.sha256 + "  " + .name' | sort) <(there -e manifest.dsse.json | xargs sha256sum | sort) || fail "manifest: its subjects are not the files"
[ "$dir" = "$1" ] || [ "$(m .predicate.package)" = "$(basename "$dir")" ] || fail "manifest: it is that of another package"
ok "manifest: signed by $hub; its subjects are the files, with their digests"

p=request/profile.dsse.json q=request/request.dsse.json; payload $p >"$tmp/profile"; payload $q >"$tmp/request"
keys() { jq -er "$1[].ed25519" "$tmp/profile" | sort -u; }
[ "$(keys .root.keys | signers $p | wc -l)" -ge "$(jq -e .root.threshold "$tmp/profile")" ] || fail "request: the profile lacks signatures of its roots"
[ "$(keys .officers | signers $q | wc -l) $(keys .supervisors | signers $q | wc -l)" = "1 1" ] || fail "request: not signed by one officer and one supervisor"
[ "$(jq -e .profile "$tmp/request")" = "\"$(sha256sum <$p | cut -c-64)\"" ] || fail "request: it names another profile"
[ "$(m '.predicate.request.sha256 + .predicate.request.id')" = "$(sha256sum <$q | cut -c-64)$(jq -er .id "$tmp/request")" ] || fail "request: not the one that the manifest names"
ok "request: $(jq -e .id "$tmp/request") is signed by an officer and a supervisor of $(jq -e .agency "$tmp/profile")"
