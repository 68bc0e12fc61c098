package dev.parley.client;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * One immutable version of a model.
 *
 * @param fileSha256 of each file, in hexadecimal
 * @param sizeBytes of all files
 */
public record ModelVersion(
    String name,
    int version,
    Instant createTime,
    Architecture architecture,
    Lineage lineage,
    List<String> aliases,
    Map<String, String> fileSha256,
    long sizeBytes,
    DeploymentState deploymentState) {
  public ModelVersion {
    aliases = List.copyOf(aliases);
    fileSha256 = Map.copyOf(fileSha256);
  }

  /** {@code name@version}. */
  public String reference() {
    return name + "@" + version;
  }

  /** The shape of a GPT-2. */
  public record Architecture(
      int layers,
      int heads,
      int embeddingSize,
      int contextLength,
      int vocabularySize,
      long parameters) {}

  /**
   * Where a version comes from.
   *
   * @param origin {@code trained}, {@code imported}, {@code embedded} or {@code random}
   * @param base what it was trained from or imported from
   * @param parameters hyper-parameters by name
   * @param seed unsigned
   * @param metrics loss_before, loss_after, perplexity_after, ...
   * @param parleyCommit the git commit of the Parley that made it, with {@code -dirty} behind it
   *     where it had other changes; empty: not known
   */
  public record Lineage(
      String origin,
      String base,
      String baseWeightsSha256,
      String dataSha256,
      String jobId,
      Map<String, String> parameters,
      long seed,
      Map<String, Double> metrics,
      String parleyVersion,
      String parleyCommit) {
    public Lineage {
      parameters = Map.copyOf(parameters);
      metrics = Map.copyOf(metrics);
    }
  }
}
