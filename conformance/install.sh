#!/usr/bin/env bash
# Installs what the conformance tests need on a Debian 12 machine with a Rust toolchain. Everything that is not a
# Debian package or a cargo command goes to conformance/.tools and conformance/node_modules. A second run changes nothing.
set -euo pipefail
cd "$(dirname "$0")"
tools=$PWD/.tools
mkdir -p "$tools"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Debian packages, asked for by the command that they bring: a newer ffmpeg or node of the machine's own is kept.
packages=()
needs() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || packages+=("${@:2}"); }
needs ffmpeg ffmpeg
needs chromium chromium
needs nginx nginx-light
needs wrk wrk
needs curl curl
needs jq jq
needs xmllint libxml2-utils
needs node nodejs
needs npm npm
needs python3 python3 python3-venv
needs cc build-essential
needs taskset util-linux
[ -f /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || packages+=(fonts-dejavu-core)
if [ "${#packages[@]}" -gt 0 ]; then
  echo "installing: ${packages[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

# Python packages, in a virtual environment of their own.
if ! cmp -s requirements.txt "$tools/venv/requirements.txt"; then
  echo "installing Python packages into conformance/.tools/venv"
  rm -rf "$tools/venv"
  if ! python3 -m venv "$tools/venv" 2>/dev/null; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    rm -rf "$tools/venv"
    python3 -m venv "$tools/venv"
  fi
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
  cp requirements.txt "$tools/venv/requirements.txt"
fi

# Players and parsers from npm; none of them runs an install script.
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
  echo "installing npm packages into conformance/node_modules"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed-lock.json
fi

# cargo deny. A debug build: it takes a third of the time to compile and a second longer to run.
if ! cargo deny --version >/dev/null 2>&1; then
  echo "building cargo-deny (about two minutes, once)"
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=symbols \
    cargo install cargo-deny --version 0.20.2 --locked --debug --quiet --target-dir "$tools/cargo-deny-target"
  rm -rf "$tools/cargo-deny-target"
fi

command -v terraform >/dev/null 2>&1 || echo "terraform is not installed: the Terraform checks will be left out, and say so"
