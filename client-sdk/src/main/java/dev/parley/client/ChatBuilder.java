package dev.parley.client;

import dev.parley.v1.ChatSetup;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What a conversation is held with. Made by {@link ParleyClient#chat}; not thread-safe. */
public final class ChatBuilder {
  /** How long {@link #open} waits where nothing else is said: a model may have to be loaded. */
  public static final Duration DEFAULT_OPEN_TIMEOUT = Duration.ofMinutes(2);

  private final ParleyClient client;
  private final ChatSetup.Builder setup;
  private @Nullable Duration deadline;
  private Duration openTimeout = DEFAULT_OPEN_TIMEOUT;
  private @Nullable Duration firstTokenTimeout;
  private @Nullable Duration betweenTokensTimeout;
  private Consumer<GoAway> onGoAway = event -> {};

  ChatBuilder(ParleyClient client, String model) {
    this.client = client;
    this.setup = ChatSetup.newBuilder().setModel(model);
  }

  /** How replies are chosen unless a message says otherwise. */
  public ChatBuilder generation(GenerationOptions options) {
    setup.setGeneration(options.toProto());
    return this;
  }

  /** Turns that were said before, oldest first. Excludes {@link #resume}. */
  public ChatBuilder history(List<HistoryTurn> turns) {
    setup.clearHistory();
    turns.forEach(turn -> setup.addHistory(Convert.proto(turn)));
    return this;
  }

  /** Continues the conversation of a {@link GoAway}. Excludes {@link #history}. */
  public ChatBuilder resume(String resumeHandle) {
    setup.setResumeHandle(resumeHandle);
    return this;
  }

  /**
   * Names a backward model that ranks the candidates of replies with {@link
   * GenerationOptions.Builder#bestOf}: the one from which the history follows best wins.
   */
  public ChatBuilder mmiModel(String model) {
    setup.setMmiModel(model);
    return this;
  }

  /** Whether {@link Reply#candidates} says what each reply was chosen from. Default: false. */
  public ChatBuilder returnCandidates(boolean wanted) {
    setup.setReturnCandidates(wanted);
    return this;
  }

  /** What a message does that is sent while a reply runs. Default: {@link BargeIn#QUEUE}. */
  public ChatBuilder bargeIn(BargeIn bargeIn) {
    setup.setBargeInPolicy(Convert.proto(bargeIn));
    return this;
  }

  /**
   * A turn that waited longer on the server for its first step fails with {@link
   * DeadlineExceededException} and costs nothing. Default: as long as the conversation lives.
   */
  public ChatBuilder maxQueueWait(Duration limit) {
    setup.setMaxQueueWait(Convert.proto(positive("maxQueueWait", limit)));
    return this;
  }

  /** The whole conversation ends after this, with {@link DeadlineExceededException}. */
  public ChatBuilder deadline(Duration limit) {
    deadline = positive("deadline", limit);
    return this;
  }

  /** How long to wait for the server's answer to the setup. */
  public ChatBuilder openTimeout(Duration limit) {
    openTimeout = positive("openTimeout", limit);
    return this;
  }

  /**
   * A turn whose first piece does not come within this, once the turns before it are answered,
   * fails here with {@link DeadlineExceededException} and is interrupted on the server. Default: no
   * limit.
   */
  public ChatBuilder firstTokenTimeout(Duration limit) {
    firstTokenTimeout = positive("firstTokenTimeout", limit);
    return this;
  }

  /**
   * As {@link #firstTokenTimeout}, between two pieces. The time in which the reader of a {@link
   * ReplyStream} holds the server back does not count.
   */
  public ChatBuilder betweenTokensTimeout(Duration limit) {
    betweenTokensTimeout = positive("betweenTokensTimeout", limit);
    return this;
  }

  /** Called on the conversation's thread when the server announces that it is about to stop. */
  public ChatBuilder onGoAway(Consumer<GoAway> listener) {
    onGoAway = listener;
    return this;
  }

  /**
   * Opens the conversation and waits until the server has accepted it.
   *
   * @throws ModelNotFoundException if there is no such model, version or alias
   * @throws InvalidRequestException if history or options are not valid
   * @throws OverloadedException if the server has no room for another conversation
   * @throws UnavailableException if the server cannot be reached
   */
  public Conversation open() {
    CompletableFuture<Conversation> opening = openAsync();
    try {
      return opening.get();
    } catch (InterruptedException e) {
      opening.cancel(true);
      Thread.currentThread().interrupt();
      throw Errors.local(
          Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while opening", e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      throw Errors.from(cause == null ? e : cause);
    }
  }

  /** Opens the conversation; cancelling the future ends it. */
  public CompletableFuture<Conversation> openAsync() {
    ChatCall call =
        client.startChat(
            new ChatSettings(
                setup.build(),
                Optional.ofNullable(deadline),
                openTimeout,
                Optional.ofNullable(firstTokenTimeout),
                Optional.ofNullable(betweenTokensTimeout),
                onGoAway));
    CompletableFuture<Conversation> opening = new CompletableFuture<>();
    var unused =
        call.setup()
            .whenComplete(
                (answer, failure) -> {
                  if (failure != null) {
                    opening.completeExceptionally(failure);
                  } else {
                    opening.complete(new Conversation(call, answer));
                  }
                });
    var unusedToo =
        opening.whenComplete(
            (conversation, failure) -> {
              if (opening.isCancelled()) {
                call.close("The conversation was cancelled while it was opened");
              }
            });
    return opening;
  }

  private static Duration positive(String name, Duration limit) {
    if (limit.isZero() || limit.isNegative()) {
      throw new IllegalArgumentException(name + " is " + limit + "; it must be above 0");
    }
    return limit;
  }
}
