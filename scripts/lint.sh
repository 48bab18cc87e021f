#!/usr/bin/env bash
# Format, static analysis and module order. `make lint` has installed and configured what this needs.
# usage: scripts/lint.sh [FILE.c...]   clang-tidy on these alone
set -uo pipefail
cd "$(dirname "$0")/.." || exit
status=0

git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs .venv/bin/clang-format --dry-run -Werror || status=1
.venv/bin/python scripts/check-layers.py || status=1

# The sanitizer build's commands: clang-tidy does not know all of the hardening flags of the others.
sources=("$@")
if [ ${#sources[@]} = 0 ]; then mapfile -t sources < <(git ls-files --cached --others --exclude-standard 'src/*.c'); fi
printf '%s\0' "${sources[@]}" |
  xargs -0 -n 1 -P "${LAKEHAUL_JOBS:-$(nproc)}" clang-tidy -p build/asan --quiet 2>/dev/null || status=1

if [ "$status" = 0 ]; then echo "lint: clean"; else echo "lint: see above" >&2; fi
exit "$status"
