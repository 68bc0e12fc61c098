package dev.parley.model.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ProcessorTest {
  @TempDir private Path directory;

  @Test
  void flags_twoCores_thoseOfTheFirst() throws IOException {
    Path cpuInfo = directory.resolve("cpuinfo");
    Files.writeString(
        cpuInfo,
        "processor\t: 0\nmodel name\t: some\nflags\t\t: fpu avx2 avx512_bf16\nbugs\t\t:\n\nprocessor\t: 1\nflags\t\t: fpu\n");

    assertThat(Processor.flags(cpuInfo)).containsExactlyInAnyOrder("fpu", "avx2", "avx512_bf16");
  }

  @Test
  void flags_noSuchFileOrLine_none() throws IOException {
    Path arm = directory.resolve("arm");
    Files.writeString(arm, "processor\t: 0\nFeatures\t: fp asimd\n");

    assertThat(Processor.flags(arm)).isEmpty();
    assertThat(Processor.flags(directory.resolve("none"))).isEmpty();
  }
}
