package dev.parley.server.rpc;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;

/**
 * Keeps one server stream going: calls a sender whenever the client takes more or there is more to
 * say, from one thread at a time, until the stream ends. Nothing is buffered here.
 */
public final class StreamPump {
  private final ServerCallStreamObserver<?> client;
  private final Executor executor;
  private final String method;
  private final BooleanSupplier sender;
  private final Signals signals;
  private final Runnable signal = this::signal;
  private boolean scheduled; // guarded by this
  private boolean again; // guarded by this
  private boolean over; // touched by one run at a time

  private StreamPump(
      ServerCallStreamObserver<?> client,
      Executor executor,
      String method,
      Signals signals,
      BooleanSupplier sender) {
    this.client = client;
    this.executor = executor;
    this.method = method;
    this.signals = signals;
    this.sender = sender;
  }

  /**
   * Starts to pump. To be called before the service method returns: gRPC takes handlers only until
   * then.
   *
   * @param signals tells that there may be more to say
   * @param sender sends while the client is ready; false once it has completed the stream. What it
   *     throws ends the stream
   */
  public static void start(
      ServerCallStreamObserver<?> client,
      Executor executor,
      String method,
      Signals signals,
      BooleanSupplier sender) {
    StreamPump pump = new StreamPump(client, executor, method, signals, sender);
    client.setOnReadyHandler(pump.signal);
    client.setOnCancelHandler(() -> signals.remove(pump.signal));
    signals.add(pump.signal);
    pump.signal();
  }

  private void signal() {
    synchronized (this) {
      if (scheduled) {
        again = true;
        return;
      }
      scheduled = true;
    }
    executor.execute(this::run);
  }

  private void run() {
    do {
      if (!over && !client.isCancelled()) {
        send();
      }
    } while (anotherRound());
  }

  private void send() {
    try {
      over = !sender.getAsBoolean();
    } catch (Throwable e) { // errors too: otherwise the client would wait for ever
      over = true;
      signals.remove(signal); // before the client hears that it is over
      if (!client.isCancelled()) {
        client.onError(RpcErrors.toStatus(e, method));
      }
    }
    if (over) {
      signals.remove(signal);
    }
  }

  private synchronized boolean anotherRound() {
    boolean another = again;
    again = false;
    scheduled = another;
    return another;
  }
}
