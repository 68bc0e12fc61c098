package dev.parley.model.torch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;

/** What this machine's processor can do, as far as its operating system tells. */
public final class Processor {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
  private static final Set<String> FLAGS = flags(CPU_INFO);

  private Processor() {}

  /**
   * Whether it multiplies int8 numbers itself and sums the products in 32 bits (AVX512-VNNI, which
   * AMX implies; AVX-VNNI without AVX-512 does not count). False where the operating system is not
   * Linux.
   */
  public static boolean multipliesInt8() {
    return FLAGS.contains("avx512_vnni");
  }

  /** The flags of the first core, as Linux lists them; none if the file cannot be read. */
  static Set<String> flags(Path cpuInfo) {
    try (Stream<String> lines = Files.lines(cpuInfo)) {
      return lines
          .filter(line -> line.startsWith("flags"))
          .findFirst()
          .map(line -> Set.of(line.substring(line.indexOf(':') + 1).strip().split("\\s+")))
          .orElse(Set.of());
    } catch (IOException e) {
      return Set.of();
    }
  }
}
