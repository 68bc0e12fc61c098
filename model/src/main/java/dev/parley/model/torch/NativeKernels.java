package dev.parley.model.torch;

import ai.djl.util.Utils;
import com.sun.jna.Library;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Parley's own kernels, operators of libtorch in the namespace {@code parley}, for Linux on x86-64
 * processors with AVX512-VNNI. Their sources and how they are built are in {@code
 * model/src/main/native}. Where they are not to be had, libtorch's own operators do their work.
 */
public final class NativeKernels {
  private static final Logger log = LoggerFactory.getLogger(NativeKernels.class);

  static final String RESOURCE = "linux-x86_64/libparley_kernels.so";

  /**
   * How the library is opened: RTLD_NOW, so that whatever libtorch lacks is missed at once, and
   * RTLD_NODELETE, since libtorch keeps pointers into it.
   */
  private static final Map<String, Object> OPENING = Map.of(Library.OPTION_OPEN_FLAGS, 0x1002);

  private NativeKernels() {}

  /** Loads the kernels, once a process. */
  private static final class Loaded {
    static final boolean OPERATORS = load();
  }

  /** Whether programs may call the kernels; if the processor has what they need, loads them. */
  public static boolean available() {
    if (!Platform.isLinux() || !Platform.isIntel() || !Processor.hasAvx512Vnni()) {
      return false;
    }
    String unused = Torch.version(); // they find libtorch in this process, which may fail to load
    return Loaded.OPERATORS;
  }

  private static boolean load() {
    try {
      int failure = open().getFunction("parley_register").invokeInt(new Object[] {});
      if (failure == 0) {
        return true;
      }
      log.warn("libtorch {} does not take Parley's kernels: its own are used", Torch.version());
    } catch (IOException | LinkageError e) {
      log.warn(
          "Parley's kernels cannot be loaded, libtorch's are used: {}; ENGINE_CACHE_DIR names another directory",
          reason(e));
    }
    return false;
  }

  /** Of what JNA says, the second line is the dynamic loader's; a list of every jar follows. */
  static String reason(Throwable failure) {
    return String.valueOf(failure.getMessage())
        .lines()
        .limit(2)
        .reduce((first, second) -> second)
        .orElse("");
  }

  private static NativeLibrary open() throws IOException {
    Path directory = Files.createDirectories(Utils.getEngineCacheDir("pytorch"));
    Path file = Files.createTempFile(directory, "parley-kernels", ".so");
    try (InputStream in = NativeKernels.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IOException("resource " + RESOURCE + " is missing from the jar");
      }
      Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
      return NativeLibrary.getInstance(file.toString(), OPENING);
    } finally {
      Files.deleteIfExists(file); // what is loaded stays
    }
  }
}
