package dev.parley.model.gpt2;

import java.util.Locale;

/** How the projections of a served model are computed. */
public enum Precision {
  /** {@code torch.linear} in fp32: the oracle that the others are measured against. */
  REFERENCE("linear_plain.py"),
  /** fp32, packed for oneDNN on a CPU. */
  FP32("linear_packed.py"),
  /** fp16 weights; arithmetic in fp32 on a CPU. */
  FP16("linear_fp16.py"),
  /** int8 weights, one scale an output channel; activations quantized in each step. */
  INT8("linear_int8.py");

  private final String resource;

  Precision(String resource) {
    this.resource = resource;
  }

  /** The source of the program's projections. */
  String resource() {
    return resource;
  }

  /**
   * The precision that a flag names.
   *
   * @param name {@code auto} (fp32), {@code reference}, {@code fp32}, {@code fp16} or {@code int8}
   */
  public static Precision of(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "auto", "fp32" -> FP32;
      case "reference" -> REFERENCE;
      case "fp16" -> FP16;
      case "int8" -> INT8;
      default ->
          throw new IllegalArgumentException(
              "precision '%s' is unknown: use auto, reference, fp32, fp16 or int8".formatted(name));
    };
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
