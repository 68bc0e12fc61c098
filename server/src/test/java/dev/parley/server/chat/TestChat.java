package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.Interrupt;
import dev.parley.v1.TurnComplete;
import dev.parley.v1.TurnFailed;
import dev.parley.v1.UserMessage;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The client's end of one stream. Reads as it comes, or one message at a time. */
final class TestChat implements ClientResponseObserver<ChatRequest, ChatResponse> {
  static final int READ_ALL = Integer.MAX_VALUE;

  final LinkedBlockingQueue<ChatResponse> responses = new LinkedBlockingQueue<>();
  final CompletableFuture<Status> end = new CompletableFuture<>();
  final CompletableFuture<com.google.rpc.Status> richEnd = new CompletableFuture<>();
  private final int read;
  private ClientCallStreamObserver<ChatRequest> requests;

  private TestChat(int read) {
    this.read = read;
  }

  static TestChat open(Channel channel) {
    return open(channel, READ_ALL);
  }

  /** Reads only so many messages until {@link #read}. */
  static TestChat open(Channel channel, int read) {
    return open(ChatServiceGrpc.newStub(channel), read);
  }

  static TestChat open(ChatServiceGrpc.ChatServiceStub stub, int read) {
    TestChat chat = new TestChat(read);
    stub.chat(chat);
    return chat;
  }

  static TestChat setUp(Channel channel, GenerationParameters generation) {
    TestChat chat = open(channel);
    chat.setup(ChatSetup.newBuilder().setModel("tiny").setGeneration(generation).build());
    assertThat(chat.next().hasSetupComplete()).isTrue();
    return chat;
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<ChatRequest> observer) {
    requests = observer;
    if (read != READ_ALL) {
      observer.disableAutoRequestWithInitial(read);
    }
  }

  @Override
  public void onNext(ChatResponse response) {
    responses.add(response);
  }

  @Override
  public void onError(Throwable error) {
    richEnd.complete(StatusProto.fromThrowable(error));
    end.complete(Status.fromThrowable(error));
  }

  @Override
  public void onCompleted() {
    end.complete(Status.OK);
  }

  void read(int messages) {
    requests.request(messages);
  }

  void send(ChatRequest request) {
    requests.onNext(request);
  }

  void setup(ChatSetup setup) {
    send(ChatRequest.newBuilder().setSetup(setup).build());
  }

  void say(String text) {
    say(UserMessage.newBuilder().setText(text).build());
  }

  void say(UserMessage message) {
    send(ChatRequest.newBuilder().setMessage(message).build());
  }

  void interrupt() {
    interrupt("");
  }

  void interrupt(String requestId) {
    send(
        ChatRequest.newBuilder()
            .setInterrupt(Interrupt.newBuilder().setRequestId(requestId))
            .build());
  }

  void halfClose() {
    requests.onCompleted();
  }

  void cancel() {
    requests.cancel("the test cancels", null);
  }

  ChatResponse next() {
    try {
      ChatResponse response = responses.poll(60, TimeUnit.SECONDS);
      assertThat(response).as("a response; the stream's end: %s", end.getNow(null)).isNotNull();
      return response;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Everything up to the end of the next turn that ends. */
  List<ChatResponse> turn() {
    List<ChatResponse> all = new ArrayList<>();
    do {
      all.add(next());
    } while (!all.get(all.size() - 1).hasTurnComplete()
        && !all.get(all.size() - 1).hasTurnFailed());
    return all;
  }

  TurnComplete complete() {
    List<ChatResponse> all = turn();
    TurnComplete complete = all.get(all.size() - 1).getTurnComplete();
    assertThat(all.get(all.size() - 1).hasTurnComplete()).as("%s", all).isTrue();
    StringBuilder deltas = new StringBuilder();
    for (ChatResponse response : all) {
      if (response.hasTextDelta() && response.getTextDelta().getTurn() == complete.getTurn()) {
        assertThat(response.getTextDelta().getText()).isNotEmpty();
        deltas.append(response.getTextDelta().getText());
      }
    }
    assertThat(complete.getText()).isEqualTo(deltas.toString());
    return complete;
  }

  TurnFailed failed() {
    List<ChatResponse> all = turn();
    assertThat(all.get(all.size() - 1).hasTurnFailed()).as("%s", all).isTrue();
    return all.get(all.size() - 1).getTurnFailed();
  }

  TurnComplete ask(String text) {
    say(text);
    return complete();
  }

  Status end() throws Exception {
    return end.get(60, TimeUnit.SECONDS);
  }

  com.google.rpc.Status richEnd() throws Exception {
    return richEnd.get(60, TimeUnit.SECONDS);
  }
}
