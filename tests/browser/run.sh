#!/usr/bin/env bash
# Opens every kind of page from disk in headless Chromium and looks at it, as tests/browser/check.mjs says:
#   tests/browser/run.sh              with the Chromium (or Chrome) and the node of this machine
#   tests/browser/run.sh --install    gets both by apt-get first, where they are missing and that is allowed
# playwright-core and axe-core come from npm into target/browser; neither brings a browser. PLIMSOLL_BROWSER is a folder that
# has them already, CHROMIUM a browser that is not found by itself, PLIMSOLL_SHOTS a folder for pictures of every page.
# Exit code 77: something could not be had, so nothing was looked at.
set -u
cd "$(dirname "$0")/../.."

# Where there is none, things take as long as they take.
command -v timeout > /dev/null || timeout() { shift && "$@"; }

skip() {
    echo "SKIPPED: pages are not looked at: $1"
    exit 77
}

browser() {
    local name
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
        '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do
        # Some distributions have a package of that name that is none.
        [ -n "$name" ] && timeout 20 "$name" --version > /dev/null 2>&1 && command -v "$name" && return
    done
    return 1
}

missing() {
    ! browser > /dev/null || ! command -v node > /dev/null || ! command -v npm > /dev/null
}

if [ "${1:-}" = --install ]; then
    shift
    if missing && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        wanted=()
        browser > /dev/null || wanted+=(chromium)
        command -v node > /dev/null || wanted+=(nodejs)
        command -v npm > /dev/null || wanted+=(npm)
        timeout 90 apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive timeout 240 apt-get install -y -qq --no-install-recommends "${wanted[@]}" > /dev/null
    fi
fi

CHROMIUM="$(browser)" || skip "there is no Chromium; install it, or name one: CHROMIUM=/path/to/it"
export CHROMIUM
command -v node > /dev/null || skip "there is no node"
if [ -z "${PLIMSOLL_BROWSER:-}" ]; then
    command -v npm > /dev/null || skip "there is no npm"
    PLIMSOLL_BROWSER="${CARGO_TARGET_DIR:-target}/browser"
    mkdir -p "$PLIMSOLL_BROWSER" && cp tests/browser/package.json "$PLIMSOLL_BROWSER/" &&
        (cd "$PLIMSOLL_BROWSER" && timeout 120 npm install --no-audit --no-fund --ignore-scripts --loglevel=error) ||
        skip "npm could not install playwright-core and axe-core"
fi
PLIMSOLL_BROWSER="$(cd "$PLIMSOLL_BROWSER" && pwd)" || skip "PLIMSOLL_BROWSER is no folder"
export PLIMSOLL_BROWSER
cargo test --test integration "$@" -- --ignored browser
