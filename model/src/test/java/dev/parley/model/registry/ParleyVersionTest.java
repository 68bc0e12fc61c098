package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ParleyVersionTest {
  /** Wherever it was built: in a clone, without git, before the first commit. */
  @Test
  void commit_anyBuild_isACommitOrEmptyAndNeverAPlaceholderOrAnError() {
    assertThat(ParleyVersion.commit()).matches("([0-9a-f]{40,64}(-dirty)?)?");
  }
}
