#!/usr/bin/env bash
# Searches with libFuzzer, or puts what was found into the corpora of tests/fuzz/corpus, which every build replays as
# tests. `make fuzz` has installed and built what this needs. What fails is left in build/fuzz/found.
# usage: scripts/fuzz.sh run SECONDS [TARGET...]   searches with each target for so long; default: all targets
#        scripts/fuzz.sh merge [TARGET...]         adds the inputs that reach code that the corpus does not
set -euo pipefail
cd "$(dirname "$0")/.."

all_targets=(aws_error copy footer page_index project s3_xml variant)
# An input larger than this is not kept in the corpus, which is to stay small.
kept_bytes=2048

fail() {
  echo "fuzz.sh: $*" >&2
  exit 2
}

program_of() {
  local program=build/fuzz/tests/fuzz/fuzz_$1
  [ -x "$program" ] || fail "there is no $program: run make fuzz"
  echo "$program"
}

# Inputs of this search and of those before it, beside the corpus.
search() {
  local target=$1 seconds=$2 program
  program=$(program_of "$target")
  mkdir -p "build/fuzz/corpus/$target" build/fuzz/found
  echo "== $target, $seconds s"
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$target-" "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" \
    2>"build/fuzz/$target.log" || {
    tail -n 40 "build/fuzz/$target.log" >&2
    return 1
  }
  grep -E '^stat::number_of_executed_units|^#[0-9]+.*DONE' "build/fuzz/$target.log"
}

merge() {
  local target=$1 program
  program=$(program_of "$target")
  "$program" -merge=1 -use_counters=0 -max_len="$kept_bytes" "tests/fuzz/corpus/$target" "build/fuzz/corpus/$target" \
    2>"build/fuzz/$target.log"
  echo "$target: $(find "tests/fuzz/corpus/$target" -type f | wc -l) inputs"
}

command=${1:-}
shift || true
status=0
case $command in
run)
  seconds=${1:-}
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "the seconds are missing"
  shift
  targets=("$@")
  [ ${#targets[@]} -gt 0 ] || targets=("${all_targets[@]}")
  for target in "${targets[@]}"; do search "$target" "$seconds" || status=1; done
  ;;
merge)
  targets=("$@")
  [ ${#targets[@]} -gt 0 ] || targets=("${all_targets[@]}")
  for target in "${targets[@]}"; do merge "$target"; done
  ;;
*) fail "run SECONDS [TARGET...], or merge [TARGET...]" ;;
esac
exit "$status"
