package dev.parley.client;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;

/** A training job: what to train on what, and how. Immutable. */
public final class TrainingRequest {
  private final String base;
  private final String name;
  private final List<TrainingData> data;
  private final List<TrainingData> evaluationData;
  private final TrainingOptions options;
  private final List<String> samplePrompts;
  private final String idempotencyKey;

  private TrainingRequest(Builder builder) {
    this.base = builder.base;
    this.name = builder.name;
    this.data = List.copyOf(builder.data);
    this.evaluationData = List.copyOf(builder.evaluationData);
    this.options = builder.options;
    this.samplePrompts = List.copyOf(builder.samplePrompts);
    this.idempotencyKey =
        builder.idempotencyKey.isEmpty() ? UUID.randomUUID().toString() : builder.idempotencyKey;
  }

  /** Starts from the embedded base model with the default options. */
  public static Builder builder() {
    return new Builder();
  }

  /** As {@link Builder#base}. */
  public String base() {
    return base;
  }

  /** As {@link Builder#name}. */
  public String name() {
    return name;
  }

  /** As {@link Builder#data}. */
  public List<TrainingData> data() {
    return data;
  }

  /** As {@link Builder#evaluationData}. */
  public List<TrainingData> evaluationData() {
    return evaluationData;
  }

  /** As {@link Builder#options}. */
  public TrainingOptions options() {
    return options;
  }

  /** As {@link Builder#samplePrompts}. */
  public List<String> samplePrompts() {
    return samplePrompts;
  }

  /** As {@link Builder#idempotencyKey}. */
  public String idempotencyKey() {
    return idempotencyKey;
  }

  /** Starts with what is set here, the idempotency key included. */
  public Builder toBuilder() {
    Builder builder =
        builder()
            .base(base)
            .name(name)
            .options(options)
            .samplePrompts(samplePrompts)
            .idempotencyKey(idempotencyKey);
    data.forEach(builder::data);
    evaluationData.forEach(builder::evaluationData);
    return builder;
  }

  TrainingRequest mapData(UnaryOperator<TrainingData> function) {
    Builder builder = toBuilder();
    builder.data.replaceAll(function);
    builder.evaluationData.replaceAll(function);
    return builder.build();
  }

  /** Collects a request. Not thread-safe. */
  public static final class Builder {
    private String base = "parley-tiny";
    private String name = "";
    private final List<TrainingData> data = new ArrayList<>();
    private final List<TrainingData> evaluationData = new ArrayList<>();
    private TrainingOptions options = TrainingOptions.defaults();
    private List<String> samplePrompts = List.of();
    private String idempotencyKey = "";

    private Builder() {}

    /**
     * The model to start from: {@code name}, {@code name@version}, {@code name@alias}, or a
     * directory in Hugging Face layout on the server. Default: {@code parley-tiny}, which is always
     * there.
     */
    public Builder base(String reference) {
      base = reference;
      return this;
    }

    /**
     * The model that the new version belongs to: lower-case letters, digits, '.', '_' and '-', at
     * most 64. Required.
     */
    public Builder name(String name) {
      this.name = name;
      return this;
    }

    /** Adds dialogues to train on; at least one source is required. */
    public Builder data(TrainingData source) {
      data.add(source);
      return this;
    }

    /** Adds a file on this machine, uploaded when the job is started. */
    public Builder data(Path file) {
      return data(TrainingData.file(file));
    }

    /** Adds dialogues that are sent with the request. */
    public Builder data(List<Dialogue> dialogues) {
      return data(TrainingData.dialogues(dialogues));
    }

    /** Adds dialogues to evaluate on. Without any, a share of the data is held out. */
    public Builder evaluationData(TrainingData source) {
      evaluationData.add(source);
      return this;
    }

    /** How to train; replaces options set before. */
    public Builder options(TrainingOptions options) {
      this.options = options;
      return this;
    }

    /**
     * Asked before training, at each evaluation and after; at most 16. Without any, the first user
     * turns of the evaluation dialogues are.
     */
    public Builder samplePrompts(List<String> prompts) {
      samplePrompts = List.copyOf(prompts);
      return this;
    }

    /**
     * A second request with the same key returns the job of the first; at most 128 characters. A
     * random one where not set, made by {@link #build}: the same request object can be started
     * again after a lost connection without starting a second job.
     */
    public Builder idempotencyKey(String key) {
      idempotencyKey = key;
      return this;
    }

    /**
     * The request as it is set now.
     *
     * @throws IllegalArgumentException without a name or without data
     */
    public TrainingRequest build() {
      if (name.isEmpty()) {
        throw new IllegalArgumentException(
            "The request has no name: set the model that the new version belongs to with name(..)");
      }
      if (data.isEmpty()) {
        throw new IllegalArgumentException("The request has no data: add some with data(..)");
      }
      return new TrainingRequest(this);
    }
  }
}
