#!/usr/bin/env bash
# Builds the kernels for Linux on x86-64 with AVX512-VNNI into the resources: GCC 12 and nothing else. They use no C
# library; what they use of libtorch is found in the one that the process has loaded.
set -euo pipefail
cd "$(dirname "$0")"
out=../resources/dev/parley/model/torch/linux-x86_64/libparley_kernels.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# All of this folder in the order of the names, as NativeKernelsTest takes it.
sources=$(LC_ALL=C ls | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-64)

# Only its name counts: it makes the loader look for symbols there.
gcc -shared -nostdlib -x c /dev/null -Wl,-soname,libtorch_cpu.so -o "$work/libtorch_cpu.so"
mkdir -p "$(dirname "$out")"
# cascadelake: the first processors with AVX512-VNNI; NativeKernels asks for what that is, amx.c for AMX.
# fp-contract: sums must be the same whatever the number of rows; fused is only what says so.
# strict-aliasing: rounded rows are bytes, and read by fours.
# tree-loop-distribute-patterns: would make memset of a loop, which is the C library's.
gcc -std=c11 -O2 -march=cascadelake -mprefer-vector-width=512 -ffp-contract=off -fno-math-errno -fno-strict-aliasing \
  -fno-tree-loop-distribute-patterns \
  -Wall -Wextra -Wno-unused-parameter -Werror -DSOURCES="\"$sources\"" \
  -shared -fPIC -fvisibility=hidden -nostdlib -s ./*.c -o "$out" \
  -L"$work" -Wl,--no-as-needed -ltorch_cpu -Wl,--unresolved-symbols=ignore-all
if nm -D --undefined-only "$out" | grep -vE ' (aoti_torch_|GOMP_|_ZN2at)'; then
  echo "the kernels use more than libtorch" >&2
  exit 1
fi
