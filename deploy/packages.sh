# Sourced by deploy/demo and tests/run: installs Debian packages that are missing. Must not touch anything that is there.

say() { printf '\n== %s\n' "$*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "this needs root or sudo: $*" >&2
    return 1
  fi
}

# packages NAME…: installs those of the Debian packages that are not installed.
packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# needs COMMAND PACKAGE: installs the package unless the command is there, wherever it came from.
needs() {
  command -v "$1" >/dev/null || packages "$2"
}

# What compiling needs beside Rust: the C parts are SQLite, libpq and the cryptography of TLS.
needs_to_build() {
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    PATH="$HOME/.cargo/bin:$PATH"
  fi
  command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs" >&2; return 1; }
  needs cc gcc
  [ -e /usr/include/stdio.h ] || packages libc6-dev
  fc-list 2>/dev/null | grep -qi 'CJK' || [ -n "$(find /usr/share/fonts -iname '*CJK*' -print -quit 2>/dev/null)" ] || packages fonts-noto-cjk
}
