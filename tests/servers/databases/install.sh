#!/usr/bin/env bash
# install.sh FOLDER PACKAGE: unpack a Debian package, with what it needs and the machine lacks, into FOLDER/unpacked.
# It needs no rights, and installs nothing on the machine.
set -euo pipefail
mkdir -p "$1/lists/partial" "$1/archives/partial" "$1/unpacked"
cd "$1"
apt() {
    apt-get -qq -o Debug::NoLocking=1 -o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD" \
        -o Dir::Cache::archives="$PWD/archives" -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@"
}
apt update
apt --yes --no-install-recommends --download-only install "$2"
for archive in archives/*.deb; do
    dpkg-deb --extract "$archive" unpacked
done
rm -rf lists archives *.bin
