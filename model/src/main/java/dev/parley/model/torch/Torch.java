package dev.parley.model.torch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The libtorch of this process: devices, threads, memory scopes. */
public final class Torch {
  private static final Logger log = LoggerFactory.getLogger(Torch.class);

  /** libtorch numbers GPUs in a signed byte, and takes the rest of a greater number. */
  private static final int MOST_GPUS = Byte.MAX_VALUE;

  private static final ThreadLocal<Boolean> PREPARED = ThreadLocal.withInitial(() -> false);

  static {
    // DJL reports its use to its makers unless told otherwise.
    System.setProperty("OPT_OUT_TRACKING", "true");
  }

  private Torch() {}

  /** A root memory scope on a device; the caller closes it. */
  public static NDManager newScope(Device device) {
    return NDManager.newBaseManager(device, "PyTorch");
  }

  /**
   * The device that a flag names.
   *
   * @param name {@code auto} (the first GPU that this libtorch can use, else the CPU), {@code cpu}
   *     or {@code cuda:N}
   * @throws IllegalArgumentException if the name is none of these, or the GPU is not there
   */
  public static Device device(String name) {
    String wanted = name.toLowerCase(Locale.ROOT);
    if (wanted.equals("cpu")) {
      return Device.cpu();
    }
    if (wanted.equals("auto")) {
      Optional<String> problem = problem(Device.gpu(0));
      if (hasCuda()) {
        problem.ifPresent(reason -> log.warn("no use of the GPU: {}", reason));
      }
      return problem.isEmpty() ? Device.gpu(0) : Device.cpu();
    }
    if (wanted.matches("cuda(:\\d{1,3})?")) {
      Device gpu = Device.gpu(wanted.equals("cuda") ? 0 : Integer.parseInt(wanted.substring(5)));
      Optional<String> problem = problem(gpu);
      if (problem.isPresent()) {
        throw new IllegalArgumentException(
            "device '%s' is not available: %s; use auto or cpu".formatted(name, problem.get()));
      }
      return gpu;
    }
    throw new IllegalArgumentException(
        "device '%s' is unknown: use auto, cpu or cuda:N".formatted(name));
  }

  /**
   * Why a device computes nothing, if so; that its memory is full is no reason. After an error in
   * one of its kernels a GPU is lost to the process: only another one can use it.
   */
  public static Optional<String> lost(Device device) {
    if (!device.isGpu()) {
      return Optional.empty();
    }
    // DJL's own count of GPUs needs a CUDA toolkit beside the CUDA that comes with libtorch.
    try (NDManager scope = newScope(device);
        NDArray probe = scope.ones(new Shape(1))) {
      float unused = probe.toFloatArray()[0];
      return Optional.empty();
    } catch (EngineException e) {
      return MemoryFailure.is(e)
          ? Optional.empty()
          : Optional.of(
              String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason given"));
    }
  }

  /** The name of a device as flags and messages spell it: {@code cpu} or {@code cuda:N}. */
  public static String name(Device device) {
    return device.isGpu() ? "cuda:" + device.getDeviceId() : "cpu";
  }

  /** The version of libtorch, such as {@code 2.7.1}. */
  public static String version() {
    return Engine.getEngine("PyTorch").getVersion();
  }

  /** Sets how many threads one operation may use. */
  public static void setThreads(int threads) {
    Engine.getEngine("PyTorch");
    JniUtils.setNumThreads(threads);
  }

  /** How many threads one operation may use. */
  public static int threads() {
    Engine.getEngine("PyTorch");
    return JniUtils.getNumThreads();
  }

  /**
   * Does something in a thread of its own that ends with it. Each thread that computes brings a
   * team of OpenMP threads along for as long as it lives, and with more of them than cores none
   * waits for work any more but sleeps: a step of one conversation takes a quarter longer then. So
   * what is computed once, such as packing weights, is done aside.
   *
   * @throws RuntimeException what {@code work} throws
   */
  public static <T> T aside(Supplier<T> work) {
    AtomicReference<T> result = new AtomicReference<>();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                result.set(work.get());
              } catch (Throwable e) { // Errors too: the caller is told
                failure.set(e);
              }
            },
            "parley-aside");
    thread.setDaemon(true);
    thread.start();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // the work is not undone half-way; the caller sees the flag afterwards
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (failure.get() instanceof Error error) {
      throw error;
    }
    if (failure.get() instanceof RuntimeException exception) {
      throw exception;
    }
    return Objects.requireNonNull(result.get());
  }

  /**
   * Gives memory that libtorch has freed back to the operating system, where the C library is
   * glibc. It keeps such memory otherwise, to spare itself the page faults, and a model's fp32
   * weights would stay resident after they were packed.
   */
  public static void trimMemory() {
    if (Platform.isLinux()) {
      try {
        NativeLibrary.getProcess().getFunction("malloc_trim").invokeInt(new Object[] {0});
      } catch (UnsatisfiedLinkError e) {
        // another C library: it has its own ways
      }
    }
  }

  /** libtorch's number of a type, as programs take it. */
  public static long scalarType(DataType type) {
    return switch (type) {
      case INT16 -> 2;
      case FLOAT16 -> 5;
      case FLOAT32 -> 6;
      case BFLOAT16 -> 15;
      default ->
          throw new IllegalArgumentException(type + " is no type of weights, keys or values");
    };
  }

  /** Seeds libtorch's random numbers (dropout) on every device. */
  public static void seed(long seed) {
    Engine.getEngine("PyTorch");
    JniUtils.setSeed(seed);
  }

  /**
   * Switches off the graph optimiser, which would compile a method anew for each new shape.
   * libtorch keeps the switch per thread.
   */
  static void prepareThread() {
    if (!PREPARED.get()) {
      Engine.getEngine("PyTorch");
      JniUtils.setGraphExecutorOptimize(false);
      PREPARED.set(true);
    }
  }

  /** Why a GPU cannot be used, if so. */
  private static Optional<String> problem(Device gpu) {
    if (!hasCuda()) {
      return Optional.of(
          "libtorch %s is one for CPUs, or finds no GPU (PYTORCH_LIBRARY_PATH names another)"
              .formatted(version()));
    }
    return gpu.getDeviceId() > MOST_GPUS ? Optional.of("there are not that many") : lost(gpu);
  }

  private static boolean hasCuda() {
    return Engine.getEngine("PyTorch").hasCapability("CUDA");
  }
}
