package dev.parley.server.chat;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.TinyModel;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.ServedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/** One small random model with GPT-2's vocabulary, as {@code tiny}; counts its leases. */
final class OneModel implements ServedModels, AutoCloseable {
  static final int CONTEXT = 160;
  private static final Tokenizer TOKENIZER = tokenizer();

  final ChatEngine engine;
  final AtomicInteger leases = new AtomicInteger();
  volatile GenerationParameters defaults = GenerationParameters.getDefaultInstance();

  OneModel(EngineLimits limits, EngineObserver observer, LongSupplier clock) {
    this(decoder(), limits, observer, clock);
  }

  /** Over a decoder of its own, closed with it; one with GPT-2's vocabulary. */
  OneModel(Gpt2Decoder decoder, EngineLimits limits, EngineObserver observer, LongSupplier clock) {
    engine = new ChatEngine(decoder, limits, observer, clock);
  }

  /** A small one with GPT-2's vocabulary. */
  static Gpt2Decoder decoder() {
    return TinyModel.decoder(shape(2, 32), Precision.FP32);
  }

  /** A small shape with GPT-2's vocabulary. */
  static Gpt2Config shape(int layers, int embeddingSize) {
    return new Gpt2Config(
        Gpt2Config.GPT2_VOCABULARY_SIZE,
        CONTEXT,
        embeddingSize,
        layers,
        4,
        1e-5,
        0.6,
        0,
        Gpt2Config.GPT2_VOCABULARY_SIZE - 1);
  }

  static Tokenizer gpt2() {
    return TOKENIZER;
  }

  /** The vocabulary takes a while to write: once for all tests. */
  private static Tokenizer tokenizer() {
    try {
      Path directory = Files.createTempDirectory("gpt2-vocabulary");
      Gpt2Vocabulary.write(directory);
      return Tokenizer.load(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same model ranks as well as another random one. */
  @Override
  public Lease acquireBackward(String modelReference) {
    return acquire(modelReference);
  }

  @Override
  public Lease acquire(String modelReference) {
    if (!modelReference.equals("tiny")) {
      throw RpcException.notFound(
          "MODEL_NOT_FOUND", "model '%s' is unknown; there is tiny".formatted(modelReference));
    }
    leases.incrementAndGet();
    return new Lease() {
      private final AtomicBoolean open = new AtomicBoolean(true);

      @Override
      public ServedModel identity() {
        return ServedModel.newBuilder()
            .setName("tiny")
            .setVersion(3)
            .setWeightsSha256("0".repeat(64))
            .setPrecision("fp32")
            .setDevice("cpu")
            .build();
      }

      @Override
      public Tokenizer tokenizer() {
        return TOKENIZER;
      }

      @Override
      public ChatEngine engine() {
        return engine;
      }

      @Override
      public GenerationParameters defaults() {
        return defaults;
      }

      @Override
      public void close() {
        if (open.compareAndSet(true, false)) {
          leases.decrementAndGet();
        }
      }
    };
  }

  @Override
  public void close() {
    engine.close();
  }
}
