package dev.parley.server.chat;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** A ChatService over one small model, in this process, with a clock that only a test moves. */
final class ChatServer implements AutoCloseable {
  final AtomicLong clock = new AtomicLong(1_000_000);
  final List<FeedbackSink.Judgement> judgements = Collections.synchronizedList(new ArrayList<>());
  volatile boolean diskFull;
  final OneModel model;
  final ChatService service;
  final ManagedChannel channel;
  private final Server server;

  static final EngineLimits LIMITS = new EngineLimits(256, 32, 4_000, 100, 200, 8);

  ChatServer() {
    this(LIMITS, EngineObserver.NONE);
  }

  ChatServer(EngineLimits limits, EngineObserver observer) {
    this(OneModel.decoder(), limits, observer);
  }

  /** Over a decoder with GPT-2's vocabulary, closed with it. */
  ChatServer(Gpt2Decoder decoder, EngineLimits limits, EngineObserver observer) {
    model = new OneModel(decoder, limits, observer, clock::get);
    service = new ChatService(model, this::judge);
    String name = InProcessServerBuilder.generateName();
    try {
      server =
          InProcessServerBuilder.forName(name).directExecutor().addService(service).build().start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    channel = InProcessChannelBuilder.forName(name).directExecutor().build();
  }

  private void judge(FeedbackSink.Judgement judgement) {
    if (diskFull) {
      throw new UncheckedIOException(new IOException("No space left on device"));
    }
    judgements.add(judgement);
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
    model.close();
  }
}
