package dev.parley.server.models;

import com.google.protobuf.Timestamp;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.registry.ModelNotFoundException;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.v1.Architecture;
import dev.parley.v1.Canary;
import dev.parley.v1.Lineage;
import dev.parley.v1.Model;
import dev.parley.v1.ModelVersion;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The registry and its deployments in the words of the contract. Read anew at each call. */
public final class ModelCatalog {
  private final Registry registry;
  private final Deployments deployments;

  /** A catalogue. */
  public ModelCatalog(Registry registry, Deployments deployments) {
    this.registry = registry;
    this.deployments = deployments;
  }

  /** Every model, in alphabetical order. */
  public List<Model> models() {
    return registry.models().stream().map(this::model).flatMap(Optional::stream).toList();
  }

  /** A model; empty if it has no versions. */
  public Optional<Model> model(String name) {
    List<Integer> versions = registry.versions(name);
    if (versions.isEmpty()) {
      return Optional.empty();
    }
    Model.Builder model =
        Model.newBuilder()
            .setName(name)
            .setLatestVersion(Collections.max(versions))
            .setVersionCount(versions.size())
            .putAllAliases(registry.aliases(name));
    registry.canary(name).ifPresent(canary -> model.setCanary(canary(canary)));
    registry.previousDefault(name).ifPresent(model::setPreviousDefaultVersion);
    return Optional.of(model.build());
  }

  static Canary canary(dev.parley.model.registry.Canary canary) {
    return Canary.newBuilder().setVersion(canary.version()).setShare(canary.share()).build();
  }

  /** The numbers of a model's versions, the newest first; none if there is no such model. */
  public List<Integer> versionNumbers(String name) {
    List<Integer> numbers = new ArrayList<>(registry.versions(name));
    numbers.sort(Collections.reverseOrder());
    return numbers;
  }

  /**
   * A version in full.
   *
   * @throws ModelNotFoundException if there is none
   */
  public ModelVersion version(ModelReference reference) {
    RegisteredVersion version = registry.resolve(reference);
    return ModelVersion.newBuilder()
        .setName(version.model())
        .setVersion(version.version())
        .setCreateTime(timestamp(version.manifest().createTime()))
        .setArchitecture(architecture(Gpt2Checkpoint.config(version.directory())))
        .setLineage(lineage(version.manifest().lineage()))
        .addAllAliases(aliases(version))
        .putAllFileSha256(version.manifest().fileSha256())
        .setSizeBytes(version.sizeBytes())
        .setDeploymentState(deployments.state(version.model(), version.version()))
        .build();
  }

  private List<String> aliases(RegisteredVersion version) {
    return registry.aliases(version.model()).entrySet().stream()
        .filter(alias -> alias.getValue() == version.version())
        .map(Map.Entry::getKey)
        .sorted()
        .toList();
  }

  private static Timestamp timestamp(Instant time) {
    return Timestamp.newBuilder()
        .setSeconds(time.getEpochSecond())
        .setNanos(time.getNano())
        .build();
  }

  private static Architecture architecture(Gpt2Config config) {
    return Architecture.newBuilder()
        .setLayers(config.layerCount())
        .setHeads(config.headCount())
        .setEmbeddingSize(config.embeddingSize())
        .setContextLength(config.contextLength())
        .setVocabularySize(config.vocabularySize())
        .setParameters(config.parameterCount())
        .build();
  }

  private static Lineage lineage(dev.parley.model.registry.Lineage lineage) {
    return Lineage.newBuilder()
        .setOrigin(lineage.origin())
        .setBase(lineage.base())
        .setBaseWeightsSha256(lineage.baseWeightsSha256())
        .setDataSha256(lineage.dataSha256())
        .setJobId(lineage.jobId())
        .putAllParameters(lineage.parameters())
        .setSeed(lineage.seed())
        .putAllMetrics(lineage.metrics())
        .setParleyVersion(lineage.parleyVersion())
        .setParleyCommit(lineage.parleyCommit())
        .build();
  }
}
