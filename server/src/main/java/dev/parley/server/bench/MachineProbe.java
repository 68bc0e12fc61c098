package dev.parley.server.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.gpt2.NativeProjection;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.NativeKernels;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * Measures a machine with as many threads as the engine has: how fast it reads memory, by operators
 * that do little else, and how fast it multiplies matrices of a size that suits it.
 */
final class MachineProbe implements AutoCloseable {
  /** Enough that no cache holds it; fp32. */
  static final int DEFAULT_MEBIBYTES = 512;

  private static final int WIDTH = 4096;
  private static final int CPU_ROWS = 256;
  private static final int GPU_ROWS = 4096;
  private static final int TRIES = 5;

  /** A GPU reads the memory in less time than a call costs: it does so as often in one. */
  private static final int GPU_REPETITIONS = 20;

  private static final Map<String, DataType> HALVES =
      Map.of("fp16", DataType.FLOAT16, "bf16", DataType.BFLOAT16);

  private final NDManager scope;
  private final TorchProgram program;
  private final boolean gpu;
  private final int columns;
  private final Map<String, Double> readers = new LinkedHashMap<>();
  private final Map<String, Double> operations = new LinkedHashMap<>();

  private MachineProbe(Device device, int mebibytes) {
    this.scope = Torch.newScope(device);
    this.gpu = device.isGpu();
    String source = TorchProgram.source(MachineProbe.class, "probe.py");
    try {
      this.program = TorchProgram.load(scope, source, Map.of());
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
    this.columns = Math.max(1, (int) ((long) mebibytes * (1 << 20) / Float.BYTES / WIDTH));
  }

  /** Takes some seconds and twice the memory; in a thread that leaves no OpenMP team behind. */
  static Machine measure(Device device, int mebibytes) {
    return Torch.aside(
        () -> {
          try (MachineProbe probe = new MachineProbe(device, mebibytes)) {
            probe.run();
            double fastest = probe.readers.values().stream().mapToDouble(x -> x).max().orElse(0);
            return new Machine(fastest, probe.readers, probe.operations);
          }
        });
  }

  private void run() {
    try (NDManager memory = scope.newSubManager()) {
      NDArray large = memory.randomUniform(-1, 1, new Shape(columns, WIDTH), DataType.FLOAT32);
      NDArray row = memory.randomUniform(-1, 1, new Shape(1, WIDTH), DataType.FLOAT32);
      try (IValue w = TorchProgram.argument(large);
          IValue times = IValue.from((long) repetitions())) {
        readers.put("sum fp32", rate(repetitions() * large.size() * 4.0, "sum", w, times));
      }
      measure(large, row, readers, new double[] {4, 2, 1});
    }
    try (NDManager memory = scope.newSubManager()) {
      NDArray square = memory.randomUniform(-1, 1, new Shape(WIDTH, WIDTH), DataType.FLOAT32);
      int height = gpu ? GPU_ROWS : CPU_ROWS;
      NDArray rows = memory.randomUniform(-1, 1, new Shape(height, WIDTH), DataType.FLOAT32);
      double count = 2.0 * height;
      measure(square, rows, operations, new double[] {count, count, count});
      if (hasKernels()) {
        operations.merge("fp16", own(Precision.FP16, square, rows), Math::max);
        operations.merge("int8", own(Precision.INT8, square, rows), Math::max);
        operations.put("int16", own(Precision.INT12, square, rows));
      }
    }
  }

  private boolean hasKernels() {
    return !gpu && NativeKernels.available();
  }

  /** Operations a second of a linear layer by Parley's own kernel. */
  private double own(Precision precision, NDArray weights, NDArray input) {
    try (NDManager memory = scope.newSubManager();
        NativeProjection projection =
            new NativeProjection(memory, precision, weights, memory.zeros(new Shape(WIDTH)))) {
      double work = 2.0 * weights.size() * input.getShape().get(0);
      return rate(work, owner -> projection.of(owner, input));
    }
  }

  /** A linear layer with the weights in each type; {@code work} a weight, in that order. */
  private void measure(NDArray weights, NDArray input, Map<String, Double> rates, double[] work) {
    double count = weights.size();
    try (IValue w = TorchProgram.argument(weights);
        IValue x = TorchProgram.argument(input);
        IValue times = IValue.from((long) repetitions())) {
      rates.put("fp32", rate(repetitions() * count * work[0], "linear", x, w, times));
      if (gpu) { // those of a CPU are not there
        HALVES.forEach(
            (name, half) -> {
              try (IValue type = IValue.from(Torch.scalarType(half));
                  IValue weight = program.call("cast", w, type);
                  IValue thin = program.call("cast", x, type)) {
                rates.put(
                    name, rate(repetitions() * count * work[1], "linear", thin, weight, times));
              }
            });
        return;
      }
      try (IValue half = program.call("pack_fp16", w)) {
        rates.put("fp16", rate(count * work[1], "fp16", x, half));
      }
      try (IValue half = program.call("pack_bf16", w)) {
        rates.put("bf16", rate(count * work[1], "bf16", x, half));
      }
      try (IValue bytes = program.call("pack_int8", w)) {
        rates.put("int8", rate(count * work[2], "int8", x, bytes));
      }
    }
  }

  private int repetitions() {
    return gpu ? GPU_REPETITIONS : 1;
  }

  private double rate(double work, String method, IValue... arguments) {
    return rate(work, owner -> program.tensor(owner, method, arguments));
  }

  /** Work per second, the best of some tries after one that is not counted. */
  private double rate(double work, Function<NDManager, NDArray> method) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i <= TRIES; i++) {
      long begin = System.nanoTime();
      try (NDManager owner = scope.newSubManager()) {
        float unused = method.apply(owner).flatten().getFloat(0);
      }
      long nanos = System.nanoTime() - begin;
      best = i == 0 ? best : Math.min(best, nanos);
    }
    return work * 1e9 / best;
  }

  @Override
  public void close() {
    program.close();
    scope.close();
  }
}
