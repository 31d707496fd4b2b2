# shellcheck shell=bash
# Shared by the commands in this folder, which source it: brings a bare machine to where the project runs.
#
#   setup server    what the web server and the worker need
#   setup test      that, and what the tests need
#
# It does nothing, within a tenth of a second and without the network, when everything is there. It may be killed at any
# moment: the next start finishes the work or begins it again. Sets $root (the project) and $venv_python.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv_python=$root/.venv/bin/python
cd "$root" || exit 1

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }
die() { local line; for line in "$@"; do complain "$line"; done; exit 1; }

# --- Python -----------------------------------------------------------------------------------------------------------

# Prints the first Python 3.11 or later, or fails. PYTHON names another one.
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# Prints what a requirements file and this Python amount to: equal stamps mean equal environments.
requirements_stamp() { # python, file
    "$1" -I -S -c 'import hashlib, sys
print(*sys.version_info[:2], hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$2" 2>/dev/null
}

python_packages_ready() { # file
    local stamp=$root/.venv/.installed-$1
    [ -f "$stamp" ] && [ ! -e "$root/.venv/.installing" ] &&
        [ "$(cat "$stamp")" = "$(requirements_stamp "$venv_python" "$1")" ]
}

install_python_packages() { # file
    local python stamp
    python_packages_ready "$1" && return 0 # another start did it while this one waited for the lock
    # An interrupted pip can leave a package that looks whole and is not, so an interrupted environment is made anew.
    if [ -e .venv/.installing ] || ! "$venv_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        ! "$venv_python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python) || die "Stillpoint needs Python 3.11 or later."
        say "Making the virtual environment .venv with $("$python" --version) …"
        # No stamp may outlive the packages that it vouches for.
        if [ -d .venv ]; then : >.venv/.installing; fi
        "$python" -m venv --clear .venv || die "The virtual environment could not be made."
    fi
    say "Installing the locked Python packages of $1 (a minute or two the first time) …"
    : >.venv/.installing
    "$venv_python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
        --requirement "$1" ||
        die "" "Not every Python package could be installed: pip says why above. Is the network there? Then start again."
    stamp=$(requirements_stamp "$venv_python" "$1")
    rm -f .venv/.installed-requirements*.txt
    say "$stamp" >".venv/.installed-$1"
    if [ "$1" = requirements-dev.txt ]; then # it holds everything of requirements.txt, at the same versions
        requirements_stamp "$venv_python" requirements.txt >.venv/.installed-requirements.txt
    fi
    rm -f .venv/.installing
}

setup_python_packages() { # file
    python_packages_ready "$1" && return 0
    if command -v flock >/dev/null 2>&1; then # two first starts at once: one installs, the other waits
        (flock 8 && install_python_packages "$1") 8>.venv.lock || exit 1
    else
        (install_python_packages "$1") || exit 1
    fi
}

# --- System packages --------------------------------------------------------------------------------------------------

packages_for_documents="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"
packages_for_tests="poppler-utils qpdf libatomic1"

has_browser() {
    [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
        command -v google-chrome >/dev/null 2>&1
}

# Prints those of the named Debian packages that are not installed.
not_installed() {
    local there package
    there=" $(dpkg-query --show --showformat '${db:Status-Status}:${Package} ' "$@" 2>/dev/null) "
    for package in "$@"; do
        case $there in *" installed:$package "*) ;; *) printf '%s ' "$package" ;; esac
    done
}

# Prints the Debian packages that bring Python and venv, where they are missing.
missing_python_packages() {
    local python
    python_packages_ready "$1" && return 0
    if ! python=$(find_python); then
        printf 'python3 python3-venv '
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        case $python in */python3) printf 'python3-venv ' ;; *) printf '%s-venv ' "${python##*/}" ;; esac
    fi
}

why_packages() { # packages
    case " $* " in *venv*) say "  python3-venv makes the virtual environment that the Python packages live in" ;; esac
    case " $* " in *" libpango"* | *" libharfbuzz"*) say "  Pango and HarfBuzz set the text of certificates and other papers" ;; esac
    case " $* " in *" fonts-noto"*) say "  the Noto fonts write people's names in every script" ;; esac
    case " $* " in *" poppler-utils "* | *" qpdf "*) say "  poppler-utils and qpdf let the tests look at the papers" ;; esac
    case " $* " in *" libatomic1 "*) say "  libatomic lets Playwright, which drives the browser of the tests, start" ;; esac
    case " $* " in *" chromium "*) say "  Chromium opens the pages in the browser tests" ;; esac
}

apt_install() { # packages
    local as_root="" log apt="apt-get install --yes --no-install-recommends"
    say "Some packages of the system are missing: $*"
    why_packages "$@"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "" "Installing them takes root, and there is no sudo here. Have root run this, then start again:" \
                "" "  apt-get update && $apt $*"
        as_root=sudo
        if [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
            die "" "sudo asks for a password, and nobody is there to type it. Run this, then start again:" \
                "" "  sudo apt-get update && sudo $apt $*"
        fi
        # Asks for the password here, where the question can be seen.
        sudo true || die "Without sudo they can't be installed. Have root run: apt-get update && $apt $*"
    fi
    say "Installing them with apt-get (some minutes the first time) …"
    log=$(mktemp)
    # Old lists are better than none: whether the packages can be had is for the second command to say.
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 || true
    if ! $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
        apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@" </dev/null >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "" "apt-get could not install them; its whole log is in $log. This is the command, for root:" \
            "" "  apt-get update && $apt $*"
    fi
    rm -f "$log"
}

setup_debian() { # server|test, requirements file
    local missing python_missing
    python_missing=$(missing_python_packages "$2")
    # shellcheck disable=SC2086 # the lists are meant to be split into words
    missing=$python_missing$(not_installed $packages_for_documents)
    if [ "$1" = test ]; then
        # shellcheck disable=SC2086
        missing=$missing$(not_installed $packages_for_tests)
        # Ubuntu has its Chromium as a snap, so Playwright brings one there, once the Python packages are in place.
        if ! has_browser && ! is_ubuntu; then missing="${missing}chromium "; fi
    fi
    # shellcheck disable=SC2086
    if [ -n "$missing" ]; then apt_install ${missing% }; fi
}

is_ubuntu() { grep -q '^ID=ubuntu' /etc/os-release 2>/dev/null; }

setup_ubuntu_browser() {
    local stamp=.venv/.browser
    if has_browser || [ -e "$stamp" ]; then return 0; fi
    say "Fetching Chromium for the browser tests, with the libraries it needs …"
    "$venv_python" -m playwright install --with-deps chromium ||
        die "" "Chromium could not be fetched. Install one (snap install chromium), or leave the browser tests out" \
            "with script/test --quick."
    : >"$stamp"
}

# Neither Debian nor Ubuntu: say what is missing and leave the installing to the person.
name_packages() { # what for: python, documents, tests
    local what
    case $(uname -s):$1 in
    Darwin:python) what="brew install python@3.12" ;;
    Darwin:documents) what="brew install pango && brew install --cask font-noto-sans font-noto-serif font-noto-sans-cjk font-noto-color-emoji" ;;
    Darwin:tests) what="brew install poppler qpdf && brew install --cask chromium" ;;
    *:python) what="Python 3.11 or later, with venv" ;;
    *:documents) what="Pango 1.44 or later, HarfBuzz (with its subset library), and the Noto fonts: sans, CJK and colour emoji" ;;
    *:tests) what="poppler (pdftotext, pdftoppm), qpdf and Chromium" ;;
    esac
    complain "Stillpoint needs packages of the system that are missing here, and installs them itself only on Debian and Ubuntu."
    die "Please install, then start again:" "" "  $what"
}

setup_elsewhere() { # server|test, requirements file; also installs the Python packages
    local tool
    find_python >/dev/null || name_packages python
    if [ "$1" = test ]; then
        for tool in pdftotext pdftoppm qpdf; do
            command -v "$tool" >/dev/null 2>&1 || name_packages tests
        done
        has_browser || [ -d "/Applications/Chromium.app" ] || name_packages tests
    fi
    setup_python_packages "$2"
    [ -e .venv/.documents ] && return 0
    "$venv_python" -c 'import weasyprint' >/dev/null 2>&1 || name_packages documents
    : >.venv/.documents
}

# --- The whole --------------------------------------------------------------------------------------------------------

setup() { # server|test
    local requirements=requirements.txt
    if [ "$1" = test ]; then requirements="requirements-dev.txt"; fi
    if command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
        setup_debian "$1" "$requirements"
        find_python >/dev/null || [ -x "$venv_python" ] ||
            die "Stillpoint needs Python 3.11 or later; this system's packages bring $(python3 --version 2>&1). Name another with PYTHON=/path/to/python3."
        setup_python_packages "$requirements"
        if [ "$1" = test ] && is_ubuntu; then setup_ubuntu_browser; fi
    else
        setup_elsewhere "$1" "$requirements"
    fi
}
