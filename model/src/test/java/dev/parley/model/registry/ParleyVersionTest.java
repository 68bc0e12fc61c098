package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ParleyVersionTest {
  @Test
  void commit_builtFromAClone_isThatOfTheClone() {
    assumeTrue(
        Files.exists(Path.of("../.git")), "the sources have no git: the commit is not known");

    assertThat(ParleyVersion.commit()).matches("[0-9a-f]{40}(-dirty)?");
  }

  @Test
  void commit_builtWithoutGit_isEmptyAndNoPlaceholder() {
    assumeTrue(!Files.exists(Path.of("../.git")), "the sources have git");

    assertThat(ParleyVersion.commit()).isEmpty();
  }
}
