package dev.parley.server.chat;

import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.Code;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.server.chat.FeedbackSink.Judgement;
import dev.parley.server.engine.BestOf;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.Conversation;
import dev.parley.server.engine.TurnRequest;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.BargeInPolicy;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.Feedback;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.Interrupt;
import dev.parley.v1.SetupComplete;
import dev.parley.v1.UserMessage;
import io.grpc.Deadline;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A conversation after its setup: a model that is held, a conversation in its engine, and the turns
 * of the stream, counted from 1. Messages come one at a time.
 */
final class Talk implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Talk.class);

  /** Some 292 years: what nanoseconds can count. */
  private static final long LONGEST_WAIT_MILLIS = TimeUnit.NANOSECONDS.toMillis(Long.MAX_VALUE);

  private final ChatService service;
  private final ServedModels.Lease lease;
  private final Optional<ServedModels.Lease> backward;
  private final Conversation conversation;
  private final ChatSetup terms;
  private final Outbox outbox;
  private final @Nullable Deadline deadline;
  private final SetupComplete setupComplete;
  private final SaidTurns said = new SaidTurns();
  private final AtomicBoolean closed = new AtomicBoolean();
  private int turns;

  private Talk(
      ChatService service,
      ServedModels.Lease lease,
      Optional<ServedModels.Lease> backward,
      Conversation conversation,
      ChatSetup terms,
      Outbox outbox,
      @Nullable Deadline deadline,
      SetupComplete setupComplete) {
    this.service = service;
    this.lease = lease;
    this.backward = backward;
    this.conversation = conversation;
    this.terms = terms;
    this.outbox = outbox;
    this.deadline = deadline;
    this.setupComplete = setupComplete;
  }

  /**
   * Begins a conversation.
   *
   * @param setup valid but for its generation parameters
   * @throws RpcException if they are wrong, the model is not there, or there is no room
   */
  static Talk begin(
      ChatService service, ChatSetup setup, Outbox outbox, @Nullable Deadline deadline) {
    ServedModels.Lease lease = service.models().acquire(setup.getModel());
    try {
      return begin(service, lease, setup, outbox, deadline);
    } catch (RuntimeException e) {
      if (!lease.canary()) {
        throw e;
      }
      // whatever is wrong, with the canary or with the setup, is decided by the default
      log.info("a canary of {} could not begin a conversation", setup.getModel(), e);
      return begin(
          service,
          service.models().acquireWithoutCanary(setup.getModel()),
          setup,
          outbox,
          deadline);
    }
  }

  private static Talk begin(
      ChatService service,
      ServedModels.Lease lease,
      ChatSetup setup,
      Outbox outbox,
      @Nullable Deadline deadline) {
    Optional<ServedModels.Lease> backward = Optional.empty();
    Conversation conversation = null;
    try {
      ChatEngine engine = lease.engine();
      GenerationParameters inForce = Generation.inForce(lease.defaults(), setup.getGeneration());
      requireNone(problems(setup.getGeneration(), inForce, "setup.generation", engine));
      if (setup.hasMmiModel()) {
        backward = Optional.of(service.models().acquireBackward(setup.getMmiModel()));
        requireSameVocabulary(lease, backward.get());
      }
      int context = engine.config().contextLength();
      conversation =
          engine.open(
              () -> GivenHistory.tokens(setup.getHistoryList(), lease.tokenizer(), context));
      SetupComplete.Builder complete =
          SetupComplete.newBuilder()
              .setConversationId(service.newConversationId())
              .setModel(lease.identity())
              .setContextLimitTokens(context)
              .setGeneration(inForce)
              .setHistoryTokens(conversation.historyTokens());
      backward.ifPresent(held -> complete.setMmiModel(held.identity()));
      return new Talk(
          service, lease, backward, conversation, terms(setup), outbox, deadline, complete.build());
    } catch (RuntimeException | Error e) {
      if (conversation != null) {
        conversation.close();
      }
      backward.ifPresent(ServedModels.Lease::close);
      lease.close();
      throw e;
    }
  }

  /** What a setup says about later turns. Its history may be large, and is in the engine. */
  private static ChatSetup terms(ChatSetup setup) {
    ChatSetup.Builder terms =
        ChatSetup.newBuilder()
            .setGeneration(setup.getGeneration())
            .setBargeInPolicy(setup.getBargeInPolicy())
            .setReturnCandidates(setup.getReturnCandidates());
    if (setup.hasMaxQueueWait()) {
      terms.setMaxQueueWait(setup.getMaxQueueWait());
    }
    return terms.build();
  }

  private static void requireSameVocabulary(
      ServedModels.Lease forward, ServedModels.Lease backward) {
    Gpt2Config one = forward.engine().config();
    Gpt2Config other = backward.engine().config();
    if (one.vocabularySize() != other.vocabularySize() || one.endOfText() != other.endOfText()) {
      throw RpcException.of(
          Code.FAILED_PRECONDITION,
          "OTHER_VOCABULARY",
          "setup.mmi_model has a vocabulary of %d tokens, but setup.model one of %d: train the backward model from the same base"
              .formatted(other.vocabularySize(), one.vocabularySize()),
          Map.of());
    }
  }

  /** The answer to the setup. */
  SetupComplete setupComplete() {
    return setupComplete;
  }

  /**
   * A message; answered on the stream unless that ends.
   *
   * @param ended told at the turn's end, with the error where it failed, after its last message
   * @return whether a turn is under way: {@code ended} will be called then
   * @throws RpcException UNAVAILABLE where the engine is gone: no turn will follow
   */
  boolean message(UserMessage message, Consumer<@Nullable RpcException> ended) {
    int turn = ++turns;
    String requestId = SetupRules.echo(message.getRequestId());
    try {
      submit(turn, requestId, message, ended);
      return true;
    } catch (RpcException e) {
      if (e.toStatus().getCode() == Code.UNAVAILABLE_VALUE) {
        throw e;
      }
      outbox.send(ReplyWriter.failure(turn, requestId, e));
      return false;
    }
  }

  private void submit(
      int turn, String requestId, UserMessage message, Consumer<@Nullable RpcException> ended) {
    ChatEngine engine = lease.engine();
    GenerationParameters asked = Generation.overlay(terms.getGeneration(), message.getGeneration());
    GenerationParameters all = Generation.inForce(lease.defaults(), asked);
    List<FieldViolation> problems = new ArrayList<>(SetupRules.problems(message));
    problems.addAll(problems(message.getGeneration(), all, "message.generation", engine));
    requireNone(problems);
    int context = engine.config().contextLength();
    if (GivenHistory.neverFits(message.getText(), lease.tokenizer(), context)) {
      int length = message.getText().length();
      throw RpcException.of(
          Code.INVALID_ARGUMENT,
          "MESSAGE_TOO_LONG",
          "the message has %,d characters, far more than the model's context of %d tokens can hold"
              .formatted(length, context),
          Map.of("characters", Integer.toString(length)));
    }
    long seed = all.hasSeed() ? all.getSeed() : service.newSeed();
    ReplyWriter.Ended end =
        new ReplyWriter.Ended() {
          @Override
          public void said(String reply) {
            said.add(turn, new SaidTurns.Said(requestId, message.getText(), reply));
          }

          @Override
          public void complete() {
            ended.accept(null);
          }

          @Override
          public void failed(RpcException error) {
            ended.accept(error);
          }
        };
    ReplyWriter writer =
        new ReplyWriter(
            outbox,
            lease.identity(),
            turn,
            requestId,
            seed,
            () -> new CandidateText(lease.tokenizer(), all.getStopList(), all.getBadWordsList()),
            terms.getReturnCandidates(),
            end);
    Supplier<TurnRequest> request =
        () ->
            new TurnRequest(
                lease.tokenizer().encode(message.getText()),
                Generation.sampling(all, lease.tokenizer(), seed),
                startBy(engine),
                deadline(engine),
                new BestOf(
                    all.getBestOf(),
                    backward.map(held -> new MmiScorer(held.engine(), held.identity()))));
    if (terms.getBargeInPolicy() == BargeInPolicy.BARGE_IN_POLICY_INTERRUPT) {
      conversation.bargeIn(request, writer);
    } else {
      conversation.submit(request, writer);
    }
  }

  private long startBy(ChatEngine engine) {
    if (!terms.hasMaxQueueWait()) {
      return TurnRequest.NEVER;
    }
    long millis = Durations.toMillis(terms.getMaxQueueWait());
    return millis >= LONGEST_WAIT_MILLIS
        ? TurnRequest.NEVER
        : after(engine, Durations.toNanos(terms.getMaxQueueWait()));
  }

  private long deadline(ChatEngine engine) {
    return deadline == null
        ? TurnRequest.NEVER
        : after(engine, deadline.timeRemaining(TimeUnit.NANOSECONDS));
  }

  private static long after(ChatEngine engine, long nanos) {
    long now = engine.now();
    return nanos > TurnRequest.NEVER - now ? TurnRequest.NEVER : now + nanos;
  }

  /** What one side gave, and what contradicts itself once the other side's values are filled in. */
  private static List<FieldViolation> problems(
      GenerationParameters given, GenerationParameters all, String path, ChatEngine engine) {
    List<FieldViolation> problems =
        new ArrayList<>(GenerationRules.problems(given, path, engine.config().vocabularySize()));
    if (problems.isEmpty() && all.getMinNewTokens() > all.getMaxNewTokens()) {
      problems.add(
          RpcException.violation(
              path + ".min_new_tokens",
              "is %d, but must be at most max_new_tokens, which is %d"
                  .formatted(all.getMinNewTokens(), all.getMaxNewTokens())));
    }
    if (problems.isEmpty() && all.getBestOf() > 1 && !all.getDoSample()) {
      problems.add(
          RpcException.violation(
              path + ".best_of",
              "is %d, but must be 1 while do_sample is false: greedy candidates are all the same; set do_sample"
                  .formatted(all.getBestOf())));
    }
    return problems;
  }

  private static void requireNone(List<FieldViolation> problems) {
    if (!problems.isEmpty()) {
      throw RpcException.invalid(problems);
    }
  }

  /** Ends the turn that is meant. */
  void interrupt(Interrupt interrupt) {
    String requestId = interrupt.getRequestId();
    conversation.interrupt(
        sink -> requestId.isEmpty() || (sink instanceof ReplyWriter w && w.answers(requestId)));
  }

  /**
   * A judgement on an earlier turn; written to the feedback sink.
   *
   * @throws RpcException if there is no such turn, or the rating is none
   */
  void feedback(Feedback feedback) {
    List<FieldViolation> problems = new ArrayList<>(SetupRules.problems(feedback));
    Optional<SaidTurns.Said> turn = said.get(feedback.getTurn());
    if (turn.isEmpty()) {
      problems.add(
          RpcException.violation(
              "feedback.turn",
              "is %d, but must be one of the last %d complete turns of this stream, which has %d"
                  .formatted(feedback.getTurn(), SaidTurns.KEPT, turns)));
    }
    requireNone(problems);
    turn.ifPresent(
        said ->
            service
                .feedback()
                .accept(
                    new Judgement(
                        setupComplete.getConversationId(),
                        setupComplete.getModel(),
                        feedback.getTurn(),
                        said.requestId(),
                        said.message(),
                        said.reply(),
                        feedback.getRating(),
                        feedback.hasCorrection()
                            ? Optional.of(feedback.getCorrection())
                            : Optional.empty())));
  }

  /** The reader takes more. */
  void wake() {
    conversation.wake();
  }

  /** Lets go of the conversation and of the model; a second time does nothing. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      conversation.close();
      backward.ifPresent(ServedModels.Lease::close);
      lease.close();
    }
  }
}
