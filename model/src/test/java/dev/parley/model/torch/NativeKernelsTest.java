package dev.parley.model.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class NativeKernelsTest {
  /** Whoever changes a source and forgets {@code build.sh} is told. */
  @Test
  void sources_ofTheLibrary_areThoseBesideIt() throws IOException, NoSuchAlgorithmException {
    assumeTrue(NativeKernels.available());
    List<Path> sources;
    try (Stream<Path> files = Files.list(Path.of("src/main/native"))) {
      sources = files.filter(file -> file.toString().matches(".*\\.[ch]")).sorted().toList();
    }
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (Path source : sources) {
      digest.update(Files.readAllBytes(source));
    }

    assertThat(NativeKernels.sources())
        .as("src/main/native/build.sh has to be run")
        .isEqualTo(HexFormat.of().formatHex(digest.digest()));
  }

  @Test
  void available_linuxWithAvx512Vnni_always() {
    boolean expected =
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64")
            && Processor.multipliesInt8();

    assertThat(NativeKernels.available()).isEqualTo(expected);
  }
}
