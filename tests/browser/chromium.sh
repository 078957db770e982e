#!/bin/sh
# Debian's Chromium, if there is none yet: its versions are patched by the distribution, and no other browser is downloaded.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The browser tests need Chromium: install it (Debian: apt-get install chromium), then run make test-browser again." >&2
    exit 1
fi
echo "installing Chromium"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
