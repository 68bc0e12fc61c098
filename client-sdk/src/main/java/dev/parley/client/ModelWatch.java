package dev.parley.client;

import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.WatchModelsRequest;
import dev.parley.v1.WatchModelsResponse;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Every model as it stands, then each model that is new or has changed; never ends by itself. After
 * a lost connection it attaches again and passes over what is as it was. One reader; close it from
 * any thread, the reader then gets a {@link CancelledException}.
 */
public final class ModelWatch implements Iterable<Model>, Watch {
  private final ServerFeed<WatchModelsResponse> feed;
  private final Consumer<ModelWatch> onClose;
  private final Map<String, Model> known = new HashMap<>();

  ModelWatch(
      ModelServiceGrpc.ModelServiceBlockingStub stub,
      Backoff backoff,
      Consumer<ModelWatch> onClose) {
    this.feed =
        new ServerFeed<>(() -> stub.watchModels(WatchModelsRequest.getDefaultInstance()), backoff);
    this.onClose = onClose;
  }

  /** Goes on where an earlier iterator stopped. */
  @Override
  public Iterator<Model> iterator() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return true;
      }

      @Override
      @SuppressWarnings("IteratorNextThrows") // It has no end.
      public Model next() {
        return take();
      }
    };
  }

  /** Waits for the next model. */
  public Model take() {
    while (true) {
      Model model = Convert.model(feed.next().getModel());
      if (!model.equals(known.put(model.name(), model))) {
        return model;
      }
    }
  }

  @Override
  public void close() {
    feed.close();
    onClose.accept(this);
  }
}
