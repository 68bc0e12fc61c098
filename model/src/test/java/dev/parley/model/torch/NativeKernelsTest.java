package dev.parley.model.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class NativeKernelsTest {
  /** Whoever changes a source and forgets {@code build.sh} is told, on every processor. */
  @Test
  void library_builtFromTheSources_carriesTheirDigest()
      throws IOException, NoSuchAlgorithmException {
    List<Path> sources;
    try (Stream<Path> files = Files.list(Path.of("src/main/native"))) {
      sources = files.sorted().toList();
    }
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (Path source : sources) {
      digest.update(Files.readAllBytes(source));
    }
    try (InputStream library = NativeKernels.class.getResourceAsStream(NativeKernels.RESOURCE)) {
      assertThat(new String(library.readAllBytes(), StandardCharsets.ISO_8859_1))
          .as("src/main/native/build.sh has to be run")
          .contains(HexFormat.of().formatHex(digest.digest()));
    }
  }

  @Test
  void available_linuxWithAvx512Vnni_always() {
    boolean expected =
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64")
            && Processor.hasAvx512Vnni();

    assertThat(NativeKernels.available()).isEqualTo(expected);
  }

  @Test
  void reason_jnasError_whatTheLoaderSays() {
    String jna = "Unable to load library '/a.so':\n/a.so: failed to map segment\nnot in [all.jar]";

    assertThat(NativeKernels.reason(new UnsatisfiedLinkError(jna)))
        .isEqualTo("/a.so: failed to map segment");
    assertThat(NativeKernels.reason(new IOException("No space left on device")))
        .isEqualTo("No space left on device");
  }
}
