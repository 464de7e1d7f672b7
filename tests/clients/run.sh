#!/bin/sh
# Runs other people's clients against the program under test and prints pytest's summary.
#
#   SYNOD_BIN  the program under test (synod; or redis-server, to try the suite itself)
#   VENV       a Python environment with requirements.txt installed
#   NODE_PATH  the node_modules folder with package.json's dependencies installed
#
# Arguments go to pytest: run.sh -k differential -x
set -eu
SYNOD_BIN=$(command -v "${SYNOD_BIN:?name the program under test}" || echo "$SYNOD_BIN")
SYNOD_BIN=$(realpath -ms "$SYNOD_BIN")
VENV=$(realpath -ms "${VENV:?name the Python environment}")
NODE_PATH=$(realpath -ms "${NODE_PATH:?name the node_modules folder}")
cd "$(dirname "$0")"
export SYNOD_BIN NODE_PATH
missing=
for tool in redis-server redis-cli redis-benchmark node "$VENV/bin/python" "$SYNOD_BIN"; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    echo "tests/clients: missing:$missing" >&2
    exit 1
fi
exec "$VENV/bin/python" -m pytest -q -p no:cacheprovider "$@"
