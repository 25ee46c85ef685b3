#!/usr/bin/env bash
# The long proofs: faults of every kind on real JACK ports, a real DAW, and an hour in virtual time.
# Words after it go to pytest.
set -u
cd "$(dirname "$0")/.." || exit 1
export PATH="$PWD/.venv/bin:$PATH"

failed=()
check() {
    local title=$1
    shift
    printf '\n== %s ==\n' "$title"
    "$@" || failed+=("$title")
}

check "An hour in virtual time (soak)" python -m tests.soak --hours 1
check "Faults and a DAW on real JACK ports (pytest)" pytest tests/proof -rP "$@"

if [ ${#failed[@]} = 0 ]; then
    printf '\nAll is proven.\n'
else
    printf '\nFailed:%s.\n' "$(printf ' %s,' "${failed[@]}" | sed 's/,$//')"
    exit 1
fi
