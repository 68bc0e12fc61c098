package dev.parley.client;

/**
 * The exact model that answers.
 *
 * @param weightsSha256 of the weights file, in hexadecimal
 * @param precision {@code fp32}, {@code fp16}, {@code bf16}, {@code int12}, {@code int8} or {@code
 *     int4}
 * @param device {@code cpu} or {@code cuda:N}
 */
public record ServedModel(
    String name, int version, String weightsSha256, String precision, String device) {

  /** {@code name@version}: names exactly this version in any later request. */
  public String reference() {
    return name + "@" + version;
  }
}
