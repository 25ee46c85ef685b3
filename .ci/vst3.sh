#!/usr/bin/env bash
# Builds Kars, an instrument of Debian's source package dpf-plugins (ISC), as VST3: no system has a
# binary package of one. Once, into build/vst3; says where it lies, or in a sentence why it does not.
set -u
cd "$(dirname "$0")/.." || exit 1

plugin=build/vst3/Kars.vst3
[ -d $plugin ] && exit 0
stop() { echo "$*" >&2; exit 1; }

for tool in apt-get make g++ pkg-config xz; do
    command -v $tool >/dev/null || stop "No VST3 instrument can be built here: $tool is missing."
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{parts,lists/partial,cache,source,etc}

# Package lists of our own, so that the system's stay as they are; apt checks signature and hashes.
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
mirror=$(grep -rhoE 'https?://[^ ]*/(debian|ubuntu)/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1)
component=main
[ -n "$mirror" ] || stop "No VST3 instrument can be built here: apt knows no mirror of Debian or Ubuntu."
case "$mirror" in *ubuntu*) component=universe ;; esac
echo "deb-src $mirror $release $component" >"$work/parts/source.list"
apt() {
    apt-get -qq -o Acquire::Retries=3 -o Dir::Etc::SourceList=/dev/null \
        -o Dir::Etc::SourceParts="$work/parts" -o Dir::State::Lists="$work/lists" \
        -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" "$@" 2>&1
}

echo "Building a VST3 instrument from Debian's sources (Kars of dpf-plugins; 57 MB, once) …"
said=$(apt update && cd "$work/source" && apt source --tar-only --download-only dpf-plugins) ||
    stop "The source package dpf-plugins cannot be had: $(echo "$said" | grep -E '^E:' | head -1)"
tar -xJf "$work"/source/dpf-plugins_*.orig.tar.xz -C "$work/source" --strip-components=1 --exclude='*/ProM/*' ||
    stop "The source package dpf-plugins cannot be unpacked."
said=$(make -C "$work/source/plugins/Kars" vst3 2>&1) ||
    stop "Kars cannot be built: $(echo "$said" | grep -iE 'error' | head -1)"
mkdir -p build/vst3
mv "$work/source/bin/Kars.vst3" $plugin
