package dev.parley.model.torch;

import ai.djl.engine.Engine;
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
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Parley's own kernels, operators of libtorch in the namespace {@code parley}, for Linux on x86-64
 * processors with AVX512-VNNI. Their sources and how they are built are in {@code
 * model/src/main/native}. Where they are not to be had, libtorch's own operators do their work.
 */
public final class NativeKernels {
  private static final Logger log = LoggerFactory.getLogger(NativeKernels.class);

  private static final String RESOURCE = "linux-x86_64/libparley_kernels.so";

  /** All that the dynamic loader knows about a library is wanted at once: RTLD_NOW. */
  private static final Map<String, Object> COMPLETE = Map.of(Library.OPTION_OPEN_FLAGS, 2);

  private NativeKernels() {}

  /** Loads the kernels, once a process. */
  private static final class Loaded {
    static final Optional<NativeLibrary> LIBRARY = load();
  }

  /** Whether programs may call the kernels; if the processor has what they need, loads them. */
  public static boolean available() {
    return Loaded.LIBRARY.isPresent();
  }

  /** The SHA-256, in hexadecimal digits, of the sources that the library was built from. */
  static String sources() {
    return Loaded.LIBRARY.orElseThrow().getFunction("parley_sources").invokeString(null, false);
  }

  private static Optional<NativeLibrary> load() {
    if (!Platform.isLinux() || !Platform.isIntel() || !Processor.multipliesInt8()) {
      return Optional.empty();
    }
    Engine.getEngine("PyTorch"); // the kernels find libtorch in this process
    try {
      NativeLibrary library = open();
      int failure = library.getFunction("parley_register").invokeInt(new Object[] {});
      if (failure == 0) {
        return Optional.of(library);
      }
      log.warn("libtorch {} does not take Parley's kernels: its own are used", Torch.version());
    } catch (IOException | UnsatisfiedLinkError e) {
      log.warn("Parley's kernels cannot be loaded, libtorch's are used: {}", e.getMessage());
    }
    return Optional.empty();
  }

  private static NativeLibrary open() throws IOException {
    Path directory = Files.createDirectories(Utils.getEngineCacheDir("pytorch"));
    Path file = Files.createTempFile(directory, "parley-kernels", ".so");
    try (InputStream in = NativeKernels.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IOException("resource " + RESOURCE + " is missing from the jar");
      }
      Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
      return NativeLibrary.getInstance(file.toString(), COMPLETE);
    } finally {
      Files.deleteIfExists(file); // what is loaded stays
    }
  }
}
