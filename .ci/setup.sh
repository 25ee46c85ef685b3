#!/usr/bin/env bash
# Gets this checkout ready: `setup.sh play` for the instrument, `setup.sh test` for all tests, and
# `setup.sh proof` for these and a sequencer that records us.
# It says in one line what it installs and why, and does nothing twice. What cannot be installed is
# told in a sentence, and the rest goes on.
set -u
cd "$(dirname "$0")/.." || exit 1

goal=${1:-play}
venv=.venv
torch=torch==2.13.0

say() { printf '%s\n' "$*"; }
stop() { say "$@" >&2; exit 1; }
. .ci/system.sh

# ---- a Python -----------------------------------------------------------------------------------

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

find_python() {  # PYTHON if it is set; else 3.11, where the trainer is tested, 3.12, or what is newer
    local wish path
    if [[ -n "${PYTHON:-}" && $(version_of "$PYTHON") == 3.1[1-9] ]]; then
        echo "$PYTHON"
        return
    fi
    for wish in 3.11 3.12 '3.1[3-9]'; do
        # shellcheck disable=SC2086
        for path in python$wish python3 {/usr,/usr/local,/opt/homebrew}/bin/python$wish \
            ${PYENV_ROOT:-$HOME/.pyenv}/versions/$wish*/bin/python3; do
            # shellcheck disable=SC2053
            if [[ $(version_of "$path") == $wish ]]; then
                echo "$path"
                return
            fi
        done
    done
    return 1
}

install_python() {
    local name
    if is_mac || ! may_install; then
        stop "Ripieno needs Python 3.11 or 3.12. To install it: $(by_hand python3 python3-venv)"
    fi
    say "Installing with apt: Python (Ripieno is written in it) …"
    refresh_lists
    name=$(offered python3.11 python3.12 python3) && apt_install "$name" "$name-venv"
}

make_venv() {
    local python version
    if [[ $(version_of $venv/bin/python) == 3.1[1-9] ]] && $venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    rm -rf $venv
    find_python >/dev/null || install_python
    python=$(find_python) || stop "Ripieno needs Python 3.11 or 3.12, and there is none to be had here."
    version=$(version_of "$python")
    "$python" -m venv $venv >/dev/null 2>&1 && return
    rm -rf $venv
    if ! is_mac && may_install; then
        say "Installing with apt: python$version-venv (makes $venv, Ripieno's own folder for packages) …"
        apt_install "python$version-venv" || apt_install python3-venv
        "$python" -m venv $venv >/dev/null 2>&1 && return
    fi
    stop "Python $version lacks what makes $venv. To install it: $(by_hand "python$version-venv")"
}

# ---- Python packages ----------------------------------------------------------------------------

try_pip() { $venv/bin/python -m pip --disable-pip-version-check -qq install "$@"; }

pip() {
    try_pip "$@" || stop "That could not be installed; the lines above say why. Once it is mended (often the network), run the same command again."
}

install_rtmidi() {  # Python 3.13 and later: there are no wheels, so it must be built
    $venv/bin/python -c 'import rtmidi' 2>/dev/null && return
    local version
    version=$(version_of $venv/bin/python)
    say "Building python-rtmidi (MIDI ports), which has no ready-made package for Python $version …"
    if ! is_mac && may_install; then
        apt_install g++ libasound2-dev libjack-jackd2-dev
        apt_install "python$version-dev"
    fi
    try_pip python-rtmidi >/dev/null 2>&1 ||
        say "It cannot be built here, so there will be no MIDI ports; all the rest works. With Python 3.11 or 3.12 there are."
}

install_player() {
    say "Installing Ripieno into $venv (numpy, onnxruntime, FluidSynth's and Textual's packages; once) …"
    pip --editable .
    # Its own requirement, pyaudio, has no ready-made package for Linux, and we never use it.
    try_pip --no-deps tinysoundfont >/dev/null 2>&1 ||
        has_library fluidsynth || say "Neither FluidSynth nor tinysoundfont could be installed: Ripieno will play over MIDI only."
    install_rtmidi
}

install_tester() {
    say "Installing the tools of the tests into $venv …"
    pip --editable '.[dev]'
    say "Installing the trainer into $venv (PyTorch is large: a few minutes, once) …"
    if try_pip "$torch"; then
        pip --editable ./models
    else
        say "$torch could not be installed for Python $(version_of $venv/bin/python): the trainer's tests are left out."
    fi
}

# ---- once ---------------------------------------------------------------------------------------

state() { { cat pyproject.toml models/pyproject.toml .ci/*.sh; pwd; version_of $venv/bin/python; } 2>/dev/null | cksum; }
ready() { [ "$(cat $venv/ready-to-"$1" 2>/dev/null)" = "$(state)" ]; }

look_for_play
[ "$goal" != play ] && look_for_test
if [ "$goal" = proof ]; then  # the sequencer is a matter of apt alone; all the rest is that of the tests
    look_for_proof
    install_wanted
    wanted=()
    goal=test
fi
if ready "$goal" || { [ "$goal" = play ] && ready test; }; then
    install_wanted again
    exit 0
fi
install_wanted
make_venv
ready play || install_player
[ "$goal" = test ] && install_tester
state >"$venv/ready-to-$goal"
