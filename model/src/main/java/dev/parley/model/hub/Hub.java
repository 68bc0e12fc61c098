package dev.parley.model.hub;

import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.hub.HubException.Kind;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.util.Optional;

/**
 * Models of a hub by their names. A model is downloaded once, into the cache that Hugging Face's
 * own tools use: what they have downloaded is not downloaded again, and the other way round. Any
 * number of threads and processes may ask at once.
 *
 * <p>A commit never changes: once it is here, nobody is asked. For a branch or a tag the hub is
 * asked what it means now; if it does not answer, what it meant last is used, and said.
 */
public final class Hub {
  private final HubSettings settings;
  private final HubCache.Links links;
  private final HubClient client;

  /** The hub that the environment of this process names, by default huggingface.co. */
  public static Hub ofProcess() {
    return new Hub(HubSettings.ofProcess());
  }

  /** A hub. Asks nothing yet. */
  public Hub(HubSettings settings) {
    this(settings, HubCache.Links.SYMBOLIC);
  }

  Hub(HubSettings settings, HubCache.Links links) {
    this.settings = settings;
    this.links = links;
    this.client = new HubClient(settings);
  }

  /**
   * The files of a model: config.json, tokenizer, weights, and what generation it likes. Those that
   * are missing here are downloaded.
   *
   * @throws HubException if they cannot be had
   * @throws CheckpointException if it is a model of a kind that Parley cannot use; its weights are
   *     not downloaded then
   */
  public HubSnapshot snapshot(HubId id, HubListener listener) {
    HubCache cache = new HubCache(settings.cache(), id, links);
    try {
      Optional<HubSnapshot> here = cached(id, cache);
      if (here.isPresent() && (settings.offline() || HubId.isCommit(id.revisionOrMain()))) {
        return here.get();
      }
      if (settings.offline()) {
        throw notHere(id);
      }
      RemoteFile config;
      try {
        config = config(id, here.isPresent() ? 1 : HubSettings.ATTEMPTS);
      } catch (HubException e) {
        if (here.isPresent() && (e.kind() == Kind.UNREACHABLE || e.kind() == Kind.DENIED)) {
          listener.note(
              "%s; using what is here, %s".formatted(e.getMessage(), here.get().reference()));
          return here.get();
        }
        throw e;
      }
      HubId pinned = id.at(config.commit());
      HubSnapshot snapshot = new HubSnapshot(pinned, cache.snapshot(config.commit()));
      if (!ModelFiles.isComplete(snapshot.directory())) {
        new SnapshotDownload(client, settings, cache, pinned, listener).run(config);
      }
      cache.remember(id.revisionOrMain(), config.commit()); // last: offline, it must be whole
      return snapshot;
    } catch (IOException e) {
      throw storage(id, e);
    }
  }

  /**
   * Checks what can be checked of a model without the network and without waiting.
   *
   * @throws HubException if it is not here and nobody may be asked
   */
  public void check(HubId id) {
    try {
      if (settings.offline() && cached(id, new HubCache(settings.cache(), id, links)).isEmpty()) {
        throw notHere(id);
      }
    } catch (IOException e) {
      throw storage(id, e);
    }
  }

  private static Optional<HubSnapshot> cached(HubId id, HubCache cache) throws IOException {
    return cache
        .commit(id.revisionOrMain())
        .filter(commit -> ModelFiles.isComplete(cache.snapshot(commit)))
        .map(commit -> new HubSnapshot(id.at(commit), cache.snapshot(commit)));
  }

  private RemoteFile config(HubId id, int attempts) {
    return client
        .head(id, ModelFiles.CONFIG, attempts)
        .orElseThrow(
            () ->
                new HubException(
                    Kind.NOT_FOUND,
                    "%s has no %s on %s: it is no model, or is not there under this name, such as microsoft/DialoGPT-small"
                        .formatted(id, ModelFiles.CONFIG, settings.endpoint())));
  }

  private HubException notHere(HubId id) {
    return new HubException(
        Kind.UNREACHABLE,
        "%s is not in %s, and HF_HUB_OFFLINE forbids to download it: unset that, or copy the model there"
            .formatted(id, settings.cache()));
  }

  private HubException storage(HubId id, IOException e) {
    String reason =
        e instanceof AccessDeniedException
            ? "permission denied: " + e.getMessage()
            : e instanceof FileSystemException f && f.getReason() != null
                ? f.getFile() + ": " + f.getReason()
                : String.valueOf(e.getMessage());
    return new HubException(
        Kind.STORAGE,
        "%s cannot be kept in %s: %s; free space there, let Parley write there, or set HF_HOME"
            .formatted(id, settings.cache(), reason),
        e);
  }
}
