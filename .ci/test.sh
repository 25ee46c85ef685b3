#!/usr/bin/env bash
# All checks, each under a headline; fails when any of them fails. Words after it go to pytest.
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

pytest_options=()
mypy_options=()
if ! python -c 'import torch, ripieno_models' 2>/dev/null; then
    printf 'PyTorch is not installed: the trainer is not tested here.\n'
    [ "${CI:-}" = true ] && failed+=("PyTorch")
    pytest_options=(--ignore tests/models --ignore tests/families)
    mypy_options=(--exclude '^(models|tests/models|tests/families)/' engine/ripieno app/ripieno_app soundfonts tests)
fi

check "Lint (ruff)" ruff check .
check "Format (ruff)" ruff format --check .
check "Types (mypy --strict)" mypy "${mypy_options[@]}"
check "Layers (import-linter)" lint-imports
pytest_options=(${pytest_options[@]+"${pytest_options[@]}"} "$@")
tests() { pytest ${pytest_options[@]+"${pytest_options[@]}"} "${@}"; }
two_at_a_time() { OMP_NUM_THREADS=1 tests --numprocesses 2 --dist loadfile -m "not real_part"; }
if [ $# -gt 0 ]; then
    check "Tests (pytest)" tests
else
    check "Tests, two at a time (pytest)" two_at_a_time
    check "Tests with real parts, one by one (pytest)" tests -m real_part
fi

if [ ${#failed[@]} = 0 ]; then
    printf '\nAll checks passed.\n'
else
    printf '\nFailed:%s.\n' "$(printf ' %s,' "${failed[@]}" | sed 's/,$//')"
    exit 1
fi
