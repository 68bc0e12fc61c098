package dev.parley.model.torch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MemoryFailureTest {
  @Test
  void is_memoryOfWhateverKind_true() {
    assertThat(MemoryFailure.is(new OutOfMemoryError())).isTrue();
    assertThat(MemoryFailure.is(new IllegalStateException("CUDA out of memory. Tried"))).isTrue();
    assertThat(MemoryFailure.is(new IllegalStateException("index out of range"))).isFalse();
  }
}
