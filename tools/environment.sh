# shellcheck shell=bash disable=SC2034 # its variables are the callers'
# What setup, build, demo and test share: where things lie, and how they speak.
# Sourced by bash; the caller has set -euo pipefail.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=${ADZE_PREFIX:-$HOME/.cache/adze}
venv=$prefix/venv
onnx_version=1.23.2
onnx=$prefix/onnx-$onnx_version
build=${ADZE_BUILD:-$root/build}

bold='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

say() { printf '%s==>%s %s%s%s\n' "$green" "$plain" "$bold" "$*" "$plain"; }
note() { printf '    %s\n' "$*"; }
fail() {
  printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

# The comment block that a script starts with is its help text.
print_help() { sed -n '2,/^[^#]/{/^#/!q;s/^# \{0,1\}//;p}' "$1"; }
