#!/usr/bin/env bash
# Builds the kernels for Linux on x86-64 with AVX512-VNNI into the resources: GCC 12 and nothing else. They use no C
# library; what they use of libtorch is found in the one that the process has loaded.
set -euo pipefail
cd "$(dirname "$0")"
out=../resources/dev/parley/model/torch/linux-x86_64/libparley_kernels.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The same as NativeKernelsTest: all sources in the order of their names.
sources=$(LC_ALL=C ls ./*.c ./*.h | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-64)

# Only its name counts: it makes the loader look for symbols there.
gcc -shared -nostdlib -x c /dev/null -Wl,-soname,libtorch_cpu.so -o "$work/libtorch_cpu.so"
mkdir -p "$(dirname "$out")"
gcc -std=c11 -O2 -march=cascadelake -mprefer-vector-width=512 \
  -Wall -Wextra -Wno-unused-parameter -Werror -DSOURCES="\"$sources\"" \
  -shared -fPIC -fvisibility=hidden -fno-math-errno -fno-strict-aliasing -nostdlib -s ./*.c -o "$out" \
  -L"$work" -Wl,--no-as-needed -ltorch_cpu -Wl,--unresolved-symbols=ignore-all
