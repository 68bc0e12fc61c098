package dev.parley.server.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Processor time that threads have taken so far, in nanoseconds. Threads that have ended are
 * missing from all but {@code process}.
 *
 * @param server gRPC's threads on the server's side
 * @param client threads of the benchmark's own clients
 * @param compilers time that HotSpot's compilers took, all of them together
 * @param process everything, libtorch's threads, compilers and garbage collectors included
 */
record ThreadTimes(long server, long client, long compilers, long process) {
  static final String CLIENT = "bench-client";
  static final String SERVER = "bench-server";

  static ThreadTimes now() {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    return new ThreadTimes(
        of(name -> name.startsWith(SERVER)),
        of(name -> name.startsWith(CLIENT)),
        compilerTime(),
        system.getProcessCpuTime());
  }

  private static long compilerTime() {
    CompilationMXBean compilers = ManagementFactory.getCompilationMXBean();
    return compilers == null || !compilers.isCompilationTimeMonitoringSupported()
        ? 0
        : TimeUnit.MILLISECONDS.toNanos(compilers.getTotalCompilationTime());
  }

  ThreadTimes minus(ThreadTimes other) {
    return new ThreadTimes(
        Math.max(0, server - other.server), // a thread that ended took its time along
        Math.max(0, client - other.client),
        compilers - other.compilers,
        process - other.process);
  }

  private static long of(Predicate<String> which) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long nanos = 0;
    for (ThreadInfo info : threads.getThreadInfo(threads.getAllThreadIds())) {
      if (info != null && which.test(info.getThreadName())) {
        nanos += Math.max(0, threads.getThreadCpuTime(info.getThreadId()));
      }
    }
    return nanos;
  }
}
