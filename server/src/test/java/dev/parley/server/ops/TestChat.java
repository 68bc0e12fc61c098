package dev.parley.server.ops;

import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.SetupComplete;
import dev.parley.v1.TurnComplete;
import dev.parley.v1.UserMessage;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A conversation whose answers are waited for one by one. */
public final class TestChat implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 60;

  private final BlockingQueue<Object> answers = new LinkedBlockingQueue<>();
  private final StreamObserver<ChatRequest> requests;

  /** Opens one with a model, greedily and briefly. */
  public TestChat(TestServer server, String model) {
    requests =
        server
            .chat()
            .chat(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ChatResponse response) {
                    answers.add(response);
                  }

                  @Override
                  public void onError(Throwable error) {
                    answers.add(Status.fromThrowable(error));
                  }

                  @Override
                  public void onCompleted() {
                    answers.add(Status.OK);
                  }
                });
    requests.onNext(
        ChatRequest.newBuilder()
            .setSetup(
                ChatSetup.newBuilder()
                    .setModel(model)
                    .setGeneration(GenerationParameters.newBuilder().setMaxNewTokens(4)))
            .build());
  }

  /** The next answer, or the status that ended the stream. */
  public Object next() throws InterruptedException {
    Object answer = answers.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (answer == null) {
      throw new AssertionError("no answer within %d s".formatted(PATIENCE_SECONDS));
    }
    return answer;
  }

  public SetupComplete setup() throws InterruptedException {
    Object answer = next();
    if (answer instanceof ChatResponse response && response.hasSetupComplete()) {
      return response.getSetupComplete();
    }
    throw new AssertionError("expected the setup, got " + answer);
  }

  /** Says something and waits for the whole reply. */
  public TurnComplete say(String text) throws InterruptedException {
    requests.onNext(
        ChatRequest.newBuilder().setMessage(UserMessage.newBuilder().setText(text)).build());
    while (true) {
      Object answer = next();
      if (!(answer instanceof ChatResponse response)) {
        throw new AssertionError("expected a reply, got " + answer);
      }
      if (response.hasTurnComplete()) {
        return response.getTurnComplete();
      }
      if (response.hasTurnFailed()) {
        throw new AssertionError("turn failed: " + response.getTurnFailed());
      }
    }
  }

  /** How the stream ends; answers before that are passed over. */
  public Status end() throws InterruptedException {
    while (true) {
      if (next() instanceof Status status) {
        return status;
      }
    }
  }

  @Override
  public void close() {
    requests.onCompleted();
  }
}
