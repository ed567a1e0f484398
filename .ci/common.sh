# What the scripts of .ci share; they source it after `set -euo pipefail`. It goes to the top of the
# clone and makes $scratch, which leaves with the script. Needs Python >= 3.11, a C++17 compiler,
# CMake and a package index; PYTHON names another interpreter than python3.
exec </dev/null

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null; rm -rf "$scratch"' EXIT

# Builds and caches go to scratch; warnings of the compiler are errors in every wheel built here.
export SKBUILD_BUILD_DIR=$scratch/wheel SKBUILD_CMAKE_DEFINE=WERROR=ON
export PYTHONDONTWRITEBYTECODE=1 PYTEST_ADDOPTS="-p no:cacheprovider"
export HYPOTHESIS_STORAGE_DIRECTORY=$scratch/hypothesis MPLCONFIGDIR=$scratch/matplotlib
export MYPY_CACHE_DIR=$scratch/mypy RUFF_CACHE_DIR=$scratch/ruff
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off

say() { printf '\n=== %4d s  %s\n' "$SECONDS" "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# Run a command under a name beside what follows, until `joined` waits for it and shows what it
# printed.
declare -A aside
beside() {
  "${@:2}" >"$scratch/beside-$1.log" 2>&1 &
  aside[$1]=$!
}
joined() {
  local code=0
  wait "${aside[$1]}" || code=$?
  cat "$scratch/beside-$1.log"
  [[ $code == 0 ]] || fail "what ran beside, $1, ended with code $code (above)"
}

# Make a virtual environment; --group needs pip 25.1.
environment() {
  "${PYTHON:-python3}" -m venv "$scratch/$1"
  "$scratch/$1/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
}

# Build the core and its tests with warnings as errors; takes a name and CMake's options. TARGETS
# may name some.
build_core() {
  cmake -S . -B "$scratch/core-$1" -DTESTS=ON -DBINDINGS=OFF -DWERROR=ON "${@:2}"
  # shellcheck disable=SC2086
  cmake --build "$scratch/core-$1" --parallel "$(getconf _NPROCESSORS_ONLN)" --target ${TARGETS:-all}
}

# Run the core's own tests as built under a name; takes ctest's options too.
test_core() { ctest --test-dir "$scratch/core-$1" --output-on-failure --no-tests=error "${@:2}"; }

core_tests() {
  build_core "$@"
  test_core "$1"
}

# Where we may.
install_packages() {
  command -v apt-get >/dev/null && [[ $EUID == 0 ]] || return 0
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --no-install-recommends "$@"
}

# Install Debian's packages if a file (or a command) that they bring is missing and we may.
need_package() {
  local brings=$1
  there() { [[ -e $brings ]] || command -v "$brings" >/dev/null; }
  there || install_packages "${@:2}"
  there || fail "no $brings, and only root on Debian gets it here: apt-get install ${*:2}"
}
