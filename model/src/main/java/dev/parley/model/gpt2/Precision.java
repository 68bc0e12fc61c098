package dev.parley.model.gpt2;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.torch.NativeKernels;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * How the projections of a served model are computed. LayerNorm, the residual stream and the logits
 * are fp32 in every one.
 */
public enum Precision {
  /** {@code torch.linear} in fp32: the oracle that the others are measured against. */
  REFERENCE,
  /** fp32 throughout; packed for oneDNN on an x86-64 processor. */
  FP32,
  /**
   * bf16 weights and activations, sums in fp32; on a CPU with keys and values in fp16. On a CPU it
   * is fast with AMX or AVX512-BF16 and slow without.
   */
  BF16,
  /**
   * fp16 weights. On an x86-64 processor the arithmetic is fp32; with AMX sums are, and activations
   * within 2^-17, a hundredth of what rounding the weights costs. On a GPU it is fp16 with sums in
   * fp32, and the cache is fp16, too.
   */
  FP16,
  /**
   * Weights of 12 bits, one scale for at most 128 inputs of an output channel; activations of 16,
   * quantized in each step, one scale for as many of a row. Where weights are normally distributed
   * twice as exact as in bf16, with three quarters of the bytes, and twice as much arithmetic a
   * second as fp32. For processors that Parley's own kernels are for.
   */
  INT12,
  /**
   * int8 weights, one scale an output channel; activations quantized in each step, one scale a row;
   * keys and values in int16 with Parley's own kernels, else in fp16. For x86-64 processors.
   */
  INT8,
  /**
   * Weights of 4 bits, one scale for at most 64 inputs of an output channel; activations in int8,
   * quantized in each step, one scale for as many of a row. Reads little more than half of what
   * int8 reads, and changes more replies. For processors that Parley's own kernels are for.
   */
  INT4;

  /**
   * The kernels that a precision stands for on one device.
   *
   * @param linear the sources of the program's layers and projections
   * @param attention the sources of its attention
   * @param fbgemm whether its packed weights are FBGEMM's own type, else tensors
   * @param weights the type that projections are packed from
   * @param embedding the type of the token embedding
   * @param cache the type of keys and values
   * @param prompts the type in which prompts attend by libtorch
   */
  record Kernels(
      List<String> linear,
      List<String> attention,
      boolean fbgemm,
      DataType weights,
      DataType embedding,
      DataType cache,
      DataType prompts) {
    /** The same with other attention; {@code type} is that in which prompts attend by libtorch. */
    Kernels withAttention(List<String> sources, DataType type) {
      return new Kernels(linear, sources, fbgemm, weights, embedding, cache, type);
    }

    /** The same with keys and values of another type. */
    Kernels withCache(DataType type) {
      return new Kernels(linear, attention, fbgemm, weights, embedding, type, prompts);
    }

    StepInput.Grouping grouping() {
      return attention.contains(GATHERED) || attention.contains(NATIVE)
          ? StepInput.Grouping.SINGLE_TOKENS
          : StepInput.Grouping.OF_SIMILAR_LENGTH;
    }
  }

  private static final String GATHERED = "attention_gathered.py";
  private static final String NATIVE = "attention_native.py";

  private static final boolean X86_64 =
      System.getProperty("os.arch", "").matches("amd64|x86_64|x86-64");

  /** int8 by Parley's own kernels, which read the weights at the rate of the memory. */
  static final Kernels INT8_NATIVE = parley(DataType.INT16, "linear_native_int8.py");

  /** int4 by Parley's own kernels. */
  static final Kernels INT4_NATIVE =
      parley(DataType.INT16, "linear_native_groups.py", "linear_native_int4.py");

  /** int12 by Parley's own kernels. */
  static final Kernels INT12_NATIVE =
      parley(DataType.INT16, "linear_native_groups.py", "linear_native_int12.py");

  /** fp16 by Parley's own kernels. */
  static final Kernels FP16_NATIVE = parley(DataType.FLOAT32, "linear_native_fp16.py");

  /** fp16 where Parley's kernels cannot be loaded. */
  static final Kernels FP16_FBGEMM =
      small(List.of("layers.py", "linear_fp16.py"), true, DataType.FLOAT32);

  /** int8 where Parley's kernels cannot be loaded. */
  static final Kernels INT8_FBGEMM =
      small(List.of("layers.py", "linear_int8.py"), true, DataType.FLOAT16);

  /** Parley's own kernels, with the sources of one type of weights. */
  private static Kernels parley(DataType cache, String... type) {
    List<String> linear = Stream.concat(Stream.of("linear_native.py"), Stream.of(type)).toList();
    return withNativeAttention(small(linear, false, cache));
  }

  /** Of a CPU, with weights of 16 bits or fewer, packed from fp32. */
  private static Kernels small(List<String> linear, boolean fbgemm, DataType cache) {
    return new Kernels(
        linear,
        attention(false, DataType.FLOAT32),
        fbgemm,
        DataType.FLOAT32,
        DataType.FLOAT16,
        cache,
        DataType.FLOAT32);
  }

  /** Projections by {@code torch.linear}, all in one type. */
  static Kernels plain(DataType type, boolean gpu) {
    return new Kernels(
        List.of("layers.py", "linear_plain.py"),
        attention(gpu, type),
        false,
        type,
        type,
        type,
        type);
  }

  /**
   * The same with Parley's own attention.
   *
   * @throws IllegalArgumentException if keys and values are neither in fp32 nor in int16
   */
  static Kernels withNativeAttention(Kernels kernels) {
    if (kernels.cache() != DataType.FLOAT32 && kernels.cache() != DataType.INT16) {
      throw new IllegalArgumentException(
          "Parley's attention is to keys and values in fp32 or int16, not in " + kernels.cache());
    }
    return kernels.withAttention(List.of(NATIVE), DataType.FLOAT32);
  }

  /** The sources of attention; {@code prompts} is the type in which prompts attend. */
  static List<String> attention(boolean gpu, DataType prompts) {
    if (gpu) {
      return List.of(GATHERED);
    }
    return List.of(
        "attention.py",
        prompts == DataType.FLOAT32 ? "prompts_products.py" : "prompts_flash.py",
        "attention_bags.py");
  }

  /**
   * Up to so many tokens in all, a decoding step costs little more than one with a single token:
   * each further one at most a tenth of it. On a CPU that is where arithmetic catches up with
   * reading the weights; milliseconds for 24 layers of 1024 by 4096 on two cores with AVX2, and for
   * all projections of 24 layers by Parley's own kernels on two with AVX512-VNNI:
   *
   * <pre>
   * tokens             1    4    8   16
   * reference         25   67   75   72
   * fp32              17   19   25   32
   * fp16             8.4 10.8   19   27
   * int8             4.5  5.1  7.4 14.5
   * fp16, Parley's    27   33   40   60
   * the same with AMX 29   31   36   45
   * int12, Parley's   22   25   29   36
   * int8, Parley's    14   16   18   23
   * int4, Parley's   8.7   10   12   16
   * </pre>
   *
   * A GPU has far more arithmetic for each byte; there the number is a cautious guess.
   */
  public int nearlyFreeTokens(Device device) {
    if (device.isGpu() && this != REFERENCE) {
      return 16;
    }
    return switch (this) {
      case REFERENCE, BF16 -> 1; // an oracle stays plain; bf16 on a CPU has not been measured
      case FP16 -> NativeKernels.available() ? 16 : 4;
      case FP32 -> 8;
      case INT12, INT4 -> 16;
      case INT8 -> NativeKernels.available() ? 16 : 8;
    };
  }

  /**
   * The precision that a flag names.
   *
   * @param name {@code auto} (int12 where Parley's own kernels are, else fp16, or fp32 on another
   *     processor than x86-64), {@code reference}, {@code fp32}, {@code bf16}, {@code fp16}, {@code
   *     int12}, {@code int8} or {@code int4}
   * @param device that a model is to be served on
   * @throws IllegalArgumentException if there is no such precision
   */
  public static Precision of(String name, Device device) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "auto" -> auto(device);
      case "fp32" -> FP32;
      case "reference" -> REFERENCE;
      case "bf16" -> BF16;
      case "fp16" -> FP16;
      case "int12" -> INT12;
      case "int8" -> INT8;
      case "int4" -> INT4;
      default ->
          throw new IllegalArgumentException(
              "precision '%s' is unknown: use auto, reference, fp32, bf16, fp16, int12, int8 or int4"
                  .formatted(name));
    };
  }

  /**
   * Checks a name, whatever the device; loads nothing.
   *
   * @throws IllegalArgumentException if there is no such precision
   */
  public static void requireName(String name) {
    if (!name.equalsIgnoreCase("auto")) {
      Precision unused = of(name, Device.cpu());
    }
  }

  private static Precision auto(Device device) {
    return Stream.of(INT12, FP16)
        .filter(precision -> precision.hasKernels(device))
        .findFirst()
        .orElse(FP32);
  }

  /** The precisions that a device has kernels for. */
  public static List<Precision> on(Device device) {
    return Arrays.stream(values()).filter(precision -> precision.hasKernels(device)).toList();
  }

  /**
   * Checks that a model can be served in this precision.
   *
   * @throws IllegalArgumentException if the device has no kernels for it
   */
  public void requireKernels(Device device) {
    kernels(device);
  }

  private boolean hasKernels(Device device) {
    return switch (this) {
      case REFERENCE, FP32 -> true;
      case BF16, FP16 -> device.isGpu() || X86_64;
      case INT12, INT4 -> !device.isGpu() && NativeKernels.available();
      case INT8 -> !device.isGpu() && X86_64;
    };
  }

  /**
   * The kernels for a device.
   *
   * @throws IllegalArgumentException if there are none
   */
  Kernels kernels(Device device) {
    DataType fp32 = DataType.FLOAT32;
    DataType fp16 = DataType.FLOAT16;
    DataType bf16 = DataType.BFLOAT16;
    if (this == REFERENCE || (this == FP32 && (device.isGpu() || !X86_64))) {
      return plain(fp32, device.isGpu());
    }
    if (!hasKernels(device)) {
      throw new IllegalArgumentException(
          "precision %s has no kernels for this %s: use %s"
              .formatted(
                  this,
                  device.isGpu() ? "GPU" : "processor",
                  device.isGpu() || X86_64 ? "fp16" : "fp32"));
    }
    if (device.isGpu()) {
      return plain(this == FP16 ? fp16 : bf16, true);
    }
    List<String> packed = List.of("layers.py", "linear_packed.py");
    return switch (this) {
      case BF16 -> new Kernels(packed, attention(false, bf16), false, bf16, bf16, fp16, bf16);
      case FP16 -> NativeKernels.available() ? FP16_NATIVE : FP16_FBGEMM;
      case INT12 -> INT12_NATIVE;
      case INT4 -> INT4_NATIVE;
      case INT8 -> NativeKernels.available() ? INT8_NATIVE : INT8_FBGEMM;
      case FP32, REFERENCE -> {
        Kernels libtorchs =
            new Kernels(packed, attention(false, fp32), false, fp32, fp32, fp32, fp32);
        yield NativeKernels.available() ? withNativeAttention(libtorchs) : libtorchs;
      }
    };
  }

  /**
   * Whether attention computes with integers of 16 bits on a device, as its keys and values are.
   */
  public boolean attendsInInt16(Device device) {
    return kernels(device).cache() == DataType.INT16;
  }

  /**
   * Bytes of native memory that the keys and values of one token take.
   *
   * @param device that the model is on
   */
  public long cacheBytesPerToken(Gpt2Config config, Device device) {
    return cacheBytesPerToken(config, kernels(device).cache());
  }

  /** The same for keys and values of a type; of int16 each head has a scale in fp32, too. */
  static long cacheBytesPerToken(Gpt2Config config, DataType type) {
    int headSize = config.embeddingSize() / config.headCount();
    int head =
        type == DataType.INT16
            ? (headSize + 1) / 2 * 2 * type.getNumOfBytes() + Float.BYTES
            : headSize * type.getNumOfBytes();
    return 2L * config.layerCount() * config.headCount() * head;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
