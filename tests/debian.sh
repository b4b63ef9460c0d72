#!/bin/sh
# Debian packages that only tests need. As root they are installed; otherwise their tests are skipped and say so.
packages="chromium pgbouncer gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad ffmpeg ceph-mon ceph-osd radosgw ceph-common"

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing what only tests need:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  the list is meant to be split
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 && exit 0
    echo "apt-get could not install:$missing"
fi
echo "Tests that need them are skipped. To run those too: sudo apt-get install --no-install-recommends$missing"
exit 0
