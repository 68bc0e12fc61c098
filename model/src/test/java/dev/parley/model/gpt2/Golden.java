package dev.parley.model.gpt2;

import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.torch.Torch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The golden files that Hugging Face transformers made; see golden/README.md. */
public final class Golden {
  private static final int IGNORED = -100;

  private Golden() {}

  /** A golden file or folder. */
  public static Path path(String name) {
    URL url = Objects.requireNonNull(Golden.class.getResource("/golden/" + name), name);
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A golden JSON file. */
  public static JsonNode json(String name) {
    try {
      return JsonMapper.shared().readTree(Files.readAllBytes(path(name)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The CPU, on which the golden files were made, or what {@code -Dparley.test.device} names. */
  public static Device device() {
    return Torch.device(System.getProperty("parley.test.device", "cpu"));
  }

  /** A root scope on that device; on a CPU one thread, as the golden files were made. */
  public static NDManager scope() {
    Torch.setThreads(1);
    return Torch.newScope(device());
  }

  /** The weights of a golden folder. */
  public static Gpt2Weights weights(String folder, NDManager parent) {
    return Gpt2Checkpoint.weights(path(folder), parent);
  }

  /** Skips a test of a precision that the device has no kernels for. */
  static void assumeKernels(Precision precision) {
    assumeThat(Precision.on(device())).contains(precision);
  }

  /** The golden model (fp32) at a precision; closing it frees its weights. */
  public static Gpt2Decoder decoder(Precision precision, NDManager parent) {
    assumeKernels(precision);
    try (Gpt2Weights weights = weights("fp32", parent)) {
      return Gpt2Decoder.load(weights, precision);
    }
  }

  /** An array of token ids. */
  public static int[] ids(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.get(i).intValue()).toArray();
  }

  /** An array of arrays of token ids. */
  public static int[][] rows(JsonNode array) {
    return IntStream.range(0, array.size()).mapToObj(i -> ids(array.get(i))).toArray(int[][]::new);
  }

  /** An array of numbers. */
  public static float[] floats(JsonNode array) {
    float[] floats = new float[array.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = array.get(i).floatValue();
    }
    return floats;
  }

  /**
   * Rows {@code from} to {@code to} of a golden batch, whose labels stand on the token itself, not
   * yet shifted.
   */
  public static TrainableGpt2.Batch batch(JsonNode json, int from, int to, int pad) {
    int[][] ids = new int[to - from][];
    int width = 0;
    for (int row = from; row < to; row++) {
      ids[row - from] = ids(json.get("ids").get(row));
      width = Math.max(width, ids[row - from].length);
    }
    List<Integer> learned = new ArrayList<>();
    List<Integer> targets = new ArrayList<>();
    for (int row = 0; row < ids.length; row++) {
      int[] labels = ids(json.get("labels").get(from + row));
      for (int column = 0; column + 1 < labels.length; column++) {
        if (labels[column + 1] != IGNORED) {
          learned.add(row * width + column);
          targets.add(labels[column + 1]);
        }
      }
      int length = ids[row].length;
      ids[row] = Arrays.copyOf(ids[row], width);
      Arrays.fill(ids[row], length, width, pad);
    }
    return new TrainableGpt2.Batch(ids, ints(learned), ints(targets));
  }

  private static int[] ints(List<Integer> list) {
    return list.stream().mapToInt(Integer::intValue).toArray();
  }
}
