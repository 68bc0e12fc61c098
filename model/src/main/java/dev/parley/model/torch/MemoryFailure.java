package dev.parley.model.torch;

import java.util.Locale;

/** Tells a lack of memory from other failures. */
public final class MemoryFailure {
  private MemoryFailure() {}

  /**
   * Whether something failed for lack of memory: the JVM's, the machine's or the device's. libtorch
   * throws no type of its own through JNI, so its words decide: those of c10's DefaultCPUAllocator
   * and CUDACachingAllocator.
   */
  public static boolean is(Throwable failure) {
    if (failure instanceof OutOfMemoryError) {
      return true;
    }
    String message = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
    return message.contains("can't allocate memory")
        || message.contains("not enough memory")
        || message.contains("out of memory");
  }
}
