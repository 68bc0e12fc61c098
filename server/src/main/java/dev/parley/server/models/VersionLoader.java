package dev.parley.server.models;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.ServedModel;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings versions from disk to where they can answer. Thread-safe. */
public final class VersionLoader implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(VersionLoader.class);

  private final Registry registry;
  private final Precision precision;
  private final Function<Gpt2Config, EngineLimits> limits;
  private final ModelObserver observer;
  private final Device device;
  private final NDManager scope;

  /**
   * A loader.
   *
   * @param limits of the engine of a model, given its shape
   */
  public VersionLoader(
      Registry registry,
      Device device,
      Precision precision,
      Function<Gpt2Config, EngineLimits> limits,
      ModelObserver observer) {
    this.registry = registry;
    this.precision = precision;
    this.limits = limits;
    this.observer = observer;
    this.device = device;
    this.scope = Torch.newScope(device);
  }

  /**
   * Loads a version: checks the digest of every file, then reads tokenizer and weights and starts
   * an engine. Takes as long as reading the files twice.
   *
   * @return the caller closes it
   * @throws RuntimeException that says what is wrong with which file; nothing stays in memory then
   */
  LoadedVersion load(RegisteredVersion version) {
    registry.verify(version);
    ServedModel identity =
        ServedModel.newBuilder()
            .setName(version.model())
            .setVersion(version.version())
            .setWeightsSha256(version.manifest().weightsSha256())
            .setPrecision(precision.toString())
            .setDevice(Torch.name(device))
            .build();
    GenerationParameters defaults = GenerationDefaults.read(version.directory());
    Tokenizer tokenizer = Tokenizer.load(version.directory());
    EngineObserver engineObserver = observer.loading(identity);
    try {
      ChatEngine engine = engine(version, engineObserver);
      return new LoadedVersion(
          identity, tokenizer, engine, defaults, () -> observer.unloaded(identity));
    } catch (RuntimeException | Error e) {
      tokenizer.close();
      observer.unloaded(identity);
      throw e;
    }
  }

  private ChatEngine engine(RegisteredVersion version, EngineObserver engineObserver) {
    Gpt2Decoder decoder = Torch.aside(() -> decoder(version));
    Torch.trimMemory();
    try {
      EngineLimits engineLimits = limits.apply(decoder.config());
      long bytesPerToken = precision.cacheBytesPerToken(decoder.config(), device);
      log.info(
          "model {}@{} has room for {} tokens of keys and values, {} bytes each: {} full contexts",
          version.model(),
          version.version(),
          engineLimits.kvCapacityTokens(),
          bytesPerToken,
          engineLimits.kvCapacityTokens() / decoder.config().contextLength());
      return new ChatEngine(decoder, engineLimits, engineObserver);
    } catch (RuntimeException | Error e) {
      decoder.close();
      throw e;
    }
  }

  private Gpt2Decoder decoder(RegisteredVersion version) {
    try (Gpt2Weights weights = Gpt2Checkpoint.weights(version.directory(), scope)) {
      return Gpt2Decoder.load(weights, precision);
    }
  }

  /** Closes whatever native memory is left; every version must be closed before. */
  @Override
  public void close() {
    scope.close();
  }
}
