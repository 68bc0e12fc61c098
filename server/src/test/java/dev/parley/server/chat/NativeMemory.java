package dev.parley.server.chat;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * How much memory this process holds, by kind. Resident memory outside of Java's heap is the sum of
 * the mappings in {@code /proc/self/smaps} that do not belong to the heap: libtorch's, netty's, and
 * the virtual machine's own.
 */
final class NativeMemory {
  private static final Path MAPPINGS = Path.of("/proc/self/smaps");
  private static final Pattern RANGE = Pattern.compile("\\[0x([0-9a-f]+), 0x([0-9a-f]+)");
  private static final Pattern MAPPING = Pattern.compile("^([0-9a-f]+)-([0-9a-f]+) .*");
  private static final Pattern RESIDENT = Pattern.compile("^Rss: +(\\d+) kB");

  private NativeMemory() {}

  /** Whether {@link #resident} can tell: on Linux. */
  static boolean known() {
    return Files.isReadable(MAPPINGS);
  }

  /** Resident bytes outside of Java's heap. */
  static long resident() throws IOException, JMException {
    long from = Long.MAX_VALUE;
    long to = 0;
    for (MatchResult range : RANGE.matcher(heapInfo()).results().toList()) {
      from = Math.min(from, Long.parseUnsignedLong(range.group(1), 16));
      to = Math.max(to, Long.parseUnsignedLong(range.group(2), 16));
    }
    if (to == 0) {
      throw new IllegalStateException("no heap in " + heapInfo());
    }
    long kilobytes = 0;
    boolean outside = false;
    for (String line : Files.readAllLines(MAPPINGS)) {
      Matcher mapping = MAPPING.matcher(line);
      Matcher resident = RESIDENT.matcher(line);
      if (mapping.matches()) {
        long start = Long.parseUnsignedLong(mapping.group(1), 16);
        outside = Long.compareUnsigned(start, from) < 0 || Long.compareUnsigned(start, to) >= 0;
      } else if (outside && resident.find()) {
        kilobytes += Long.parseLong(resident.group(1));
      }
    }
    return kilobytes << 10;
  }

  /** Bytes that direct buffers hold, netty's arenas among them. */
  static long direct() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  /** Bytes of Java's heap that are in use after a collection. */
  static long heap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private static String heapInfo() throws JMException {
    return (String)
        ManagementFactory.getPlatformMBeanServer()
            .invoke(
                new ObjectName("com.sun.management:type=DiagnosticCommand"),
                "gcHeapInfo",
                new Object[0],
                new String[0]);
  }
}
