# What Ripieno needs of the system, and how it gets there. Sourced by setup.sh.
# macOS follows the manuals of Homebrew and FluidSynth; it was not tried.

is_mac() { [ "$(uname -s)" = Darwin ]; }

as_root() {
    if [ "$(id -u)" = 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@"
    else sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; fi
}

may_install() {
    if is_mac; then command -v brew >/dev/null; return; fi
    command -v apt-get >/dev/null || return
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

lists_are_new=
refresh_lists() {  # once a run
    [ -n "$lists_are_new" ] && return
    lists_are_new=yes
    as_root apt-get -qq -o DPkg::Lock::Timeout=120 update >/dev/null 2>&1 ||
        say "The package lists could not be refreshed; trying with the old ones."
}

offered() {  # the first of the names that this system has a package for
    local name
    for name in "$@"; do
        if apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]'; then
            echo "$name"
            return
        fi
    done
    return 1
}

apt_install() {
    refresh_lists
    case " $* " in
        *" jackd2 "*) echo 'jackd2 jackd/tweak_rt_limits boolean false' | as_root debconf-set-selections ;;
    esac >/dev/null 2>&1
    as_root apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "$@" >/dev/null 2>&1
}

has_library() {
    if is_mac; then
        compgen -G "/opt/homebrew/lib/lib$1*.dylib" >/dev/null || compgen -G "/usr/local/lib/lib$1*.dylib" >/dev/null
    else
        PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -q "lib$1\.so"
    fi
}

wanted=()
want() { wanted+=("$1|$2"); }  # what it is for, and the names that systems have for the package

look_for_play() {
    if is_mac; then
        has_library fluidsynth || want "plays soundfonts" fluid-synth
        return
    fi
    has_library fluidsynth || want "plays soundfonts" "libfluidsynth3 libfluidsynth2"
    has_library asound || want "MIDI and audio of Linux" "libasound2 libasound2t64"
    has_library jack || want "connects to JACK" "libjack-jackd2-0 libjack0"
}

look_for_test() {
    if is_mac; then
        command -v jackd >/dev/null || want "a sound server for the tests" jack
        return
    fi
    command -v jackd >/dev/null || want "a sound server for the tests" jackd2
    command -v jack_midi_clock >/dev/null || want "an independent MIDI clock for the tests" jack-midi-clock
    command -v jalv >/dev/null || want "plays LV2 instruments" jalv
    command -v gcc >/dev/null || want "builds an LV2 instrument that hangs, for a test" gcc
    [ -n "$(compgen -G '/usr/lib/lv2/mda.lv2')" ] || want "an LV2 instrument for the tests" mda-lv2
    has_library portaudio || want "plays where FluidSynth is missing" "libportaudio2 libportaudio2t64"
}

look_for_proof() {
    is_mac && return
    command -v ardour7-lua >/dev/null || compgen -G "/usr/bin/ardour*-lua" >/dev/null ||
        want "a sequencer that records us" "ardour"
    command -v tmux >/dev/null || want "a terminal in which a script plays" tmux
    command -v oscsend >/dev/null || want "an OSC client that is none of ours" liblo-tools
    command -v qmidinet >/dev/null || want "MIDI over a network" qmidinet
    command -v ip >/dev/null || want "two networks in one machine, for a test" iproute2
    command -v unshare >/dev/null || want "the same" util-linux
    command -v g++ >/dev/null || want "builds a VST3 instrument for a test" g++
    command -v make >/dev/null || want "the same" make
    command -v pkg-config >/dev/null || want "the same" "pkg-config pkgconf"
    command -v xz >/dev/null || want "the same" xz-utils
}

install_wanted() {  # with "again" it only tells what is still missing
    [ ${#wanted[@]} = 0 ] && return
    local entry name list="" names=()
    for entry in "${wanted[@]}"; do
        name=$(name_here "${entry#*|}")
        names+=("$name")
        list="$list, $name (${entry%%|*})"
    done
    list=${list#, }
    if [ "${1:-}" = again ]; then
        say "Still missing: $list. \`make setup\` tries again."
    elif ! may_install; then
        say "Missing: $list."
        say "Without the rights to install it, Ripieno goes on with what there is. To install it: $(by_hand "${names[@]}")"
    elif is_mac; then
        say "Installing with brew: $list …"
        brew install --quiet "${names[@]}" || say "brew could not install all of it; going on with what there is."
    else
        say "Installing with apt: $list …"
        apt_install_each
    fi
}

name_here() {  # the name that this system has, of several in one text
    # shellcheck disable=SC2086
    ! is_mac && offered $1 && return
    echo "${1%% *}"
}

by_hand() { if is_mac; then echo "brew install $*"; else echo "sudo apt-get install $*"; fi; }

apt_install_each() {  # together, and one by one where that fails
    local entry name names=()
    refresh_lists
    for entry in "${wanted[@]}"; do
        names+=("$(name_here "${entry#*|}")")
    done
    apt_install "${names[@]}" && return
    for name in "${names[@]}"; do
        apt_install "$name" || say "$name could not be installed; going on without it."
    done
}
