#!/usr/bin/env bash
# Measure the models beside their rivals; those that cannot be installed here are left out.
set -e
cd "$(dirname "$0")/.."
if ! .venv/bin/python -c 'import gguf, llama_cpp, transformers' 2>/dev/null; then
    echo "Installing the rivals to measure against; llama.cpp is compiled, which takes minutes."
    .venv/bin/python -m pip -qq install --editable '.[bench]' ||
        echo "Some could not be installed; going on without them."
fi
exec .venv/bin/python -m tests.bench_models "$@"
