package dev.parley.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** What a user reads when the system refuses. */
class CheckpointExceptionTest {
  private static final Path FILE = Path.of("model.safetensors");

  @Test
  @EnabledOnOs(OS.LINUX)
  void io_fullDisk_namesFileReasonAndRemedy() throws IOException {
    try (FileChannel full = FileChannel.open(Path.of("/dev/full"), StandardOpenOption.WRITE)) {
      IOException cause =
          catchThrowableOfType(
              IOException.class, () -> full.write(ByteBuffer.wrap(new byte[] {1})));

      assertThat(CheckpointException.io("write the model to", FILE, cause))
          .hasMessageContaining("cannot write the model to model.safetensors")
          .hasMessageContaining("No space left on device")
          .hasMessageEndingWith("free space there, or choose another place");
    }
  }

  @Test
  void io_accessDenied_saysWhoMustBeLetIn() {
    assertThat(CheckpointException.io("read", FILE, new AccessDeniedException(FILE.toString())))
        .hasMessageEndingWith("let the user that runs Parley in there, or choose another place");
  }

  @Test
  void io_missingFile_needsNoRemedy() {
    assertThat(CheckpointException.io("read", FILE, new NoSuchFileException(FILE.toString())))
        .hasMessage("cannot read model.safetensors: there is no such file");
  }
}
