#!/bin/sh
# Install Debian packages where that is possible; else say exactly what to run, and exit with 2.
set -e
if [ "$(id -u)" = 0 ]; then
    SUDO=
elif sudo -n true 2>/dev/null; then
    SUDO="sudo -n"
else
    echo "Missing Debian packages. Run: sudo apt-get update && sudo apt-get install -y $*" >&2
    exit 2
fi
$SUDO apt-get update -qq
DEBIAN_FRONTEND=noninteractive $SUDO apt-get install -y -qq --no-install-recommends "$@"
