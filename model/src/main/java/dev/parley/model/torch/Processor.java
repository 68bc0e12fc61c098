package dev.parley.model.torch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;

/** What this machine's processor can do, as far as its operating system tells. */
final class Processor {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
  private static final Set<String> FLAGS = flags(CPU_INFO);

  /** What a compiler may use for Intel's Cascade Lake. */
  private static final Set<String> CASCADE_LAKE =
      Set.of(
          "avx2",
          "fma",
          "f16c",
          "bmi1",
          "bmi2",
          "abm",
          "movbe",
          "popcnt",
          "avx512f",
          "avx512bw",
          "avx512cd",
          "avx512dq",
          "avx512vl",
          "avx512_vnni");

  private Processor() {}

  /**
   * Whether it has AVX512-VNNI and all that the first processors with it had, whatever a virtual
   * machine hides. False where the operating system is not Linux.
   */
  static boolean hasAvx512Vnni() {
    return FLAGS.containsAll(CASCADE_LAKE);
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
