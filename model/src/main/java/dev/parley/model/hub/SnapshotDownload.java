package dev.parley.model.hub;

import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.hub.HubException.Kind;
import dev.parley.model.hub.HubListener.Progress;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Downloads what is missing of one commit: the configuration first, so that a model of another kind
 * costs a kilobyte; then what is small; then the weights, once there is known to be room for them.
 */
final class SnapshotDownload {
  private static final long REPORT_NANOS = 100_000_000;

  private final HubClient client;
  private final HubSettings settings;
  private final HubCache cache;
  private final HubId id;
  private final HubListener listener;

  private long finishedBytes;
  private long totalBytes;
  private long reported;

  SnapshotDownload(
      HubClient client, HubSettings settings, HubCache cache, HubId id, HubListener listener) {
    this.client = client;
    this.settings = settings;
    this.cache = cache;
    this.id = id;
    this.listener = listener;
  }

  /** Downloads all that is missing. */
  void run(RemoteFile config) throws IOException {
    String commit = config.commit();
    List<RemoteFile> small = new ArrayList<>();
    if (!cache.has(commit, config.name())) {
      download(List.of(config));
    }
    Gpt2Checkpoint.config(cache.snapshot(commit));
    tokenizer(commit, small);
    ModelFiles.OPTIONAL.forEach(name -> missing(commit, name).ifPresent(small::add));
    String form = weights(commit, small);
    download(small);
    if (form.equals(ModelFiles.INDEX)) {
      List<RemoteFile> shards = new ArrayList<>();
      for (String name : ModelFiles.shards(cache.snapshot(commit))) {
        if (!cache.has(commit, name)) {
          shards.add(missing(commit, name).orElseThrow(() -> lacks(name)));
        }
      }
      download(shards);
    }
  }

  private void tokenizer(String commit, List<RemoteFile> files) {
    if (cache.has(commit, ModelFiles.TOKENIZER)) {
      return;
    }
    Optional<RemoteFile> tokenizer = missing(commit, ModelFiles.TOKENIZER);
    if (tokenizer.isPresent()) {
      files.add(tokenizer.get());
      return;
    }
    for (String name : ModelFiles.VOCABULARY) {
      if (!cache.has(commit, name)) {
        files.add(missing(commit, name).orElseThrow(() -> lacks(name)));
      }
    }
    missing(commit, ModelFiles.ADDED_TOKENS).ifPresent(files::add);
  }

  /** Adds the weights, or their index, and says which form they have. */
  private String weights(String commit, List<RemoteFile> files) {
    Optional<String> here = ModelFiles.weights(cache.snapshot(commit));
    if (here.isPresent()) {
      return here.get();
    }
    for (String form : ModelFiles.WEIGHTS) {
      Optional<RemoteFile> file = missing(commit, form);
      if (file.isPresent()) {
        files.add(file.get());
        return form;
      }
    }
    throw new HubException(
        Kind.UNUSABLE,
        "%s has no weights that Parley reads: expected %s"
            .formatted(id, String.join(", ", ModelFiles.WEIGHTS)));
  }

  /** A file that is there and not here. */
  private Optional<RemoteFile> missing(String commit, String name) {
    if (cache.has(commit, name) || cache.isKnownToLack(commit, name)) {
      return Optional.empty();
    }
    Optional<RemoteFile> file = client.head(id, name, HubSettings.ATTEMPTS);
    if (file.isEmpty()) {
      try {
        cache.rememberLack(commit, name);
      } catch (IOException e) {
        // then it is asked for again
      }
    }
    return file.map(
        f -> new RemoteFile(name, commit, f.etag(), f.size(), f.sha256())); // as asked for
  }

  private HubException lacks(String name) {
    return new HubException(Kind.UNUSABLE, "%s has no %s, which it needs".formatted(id, name));
  }

  private void download(List<RemoteFile> files) throws IOException {
    if (files.isEmpty()) {
      return;
    }
    finishedBytes = 0;
    totalBytes = files.stream().mapToLong(RemoteFile::size).sum();
    Path blobs = Files.createDirectories(cache.blob(files.get(0)).getParent());
    requireRoom(files, blobs);
    for (RemoteFile file : files) {
      download(file);
      finishedBytes += file.size();
    }
  }

  private void download(RemoteFile file) throws IOException {
    report(file, 0, true);
    HubLock.whileHeld(
        cache.lock(file),
        () -> report(file, 0, false),
        () -> {
          if (cache.has(file.commit(), file.name())) {
            return; // another process was quicker
          }
          Path blob = cache.blob(file);
          boolean fresh = !Files.exists(blob);
          if (fresh) {
            new BlobDownload(client, settings, id, listener)
                .run(file, blob, bytes -> report(file, bytes, false));
          }
          cache.publish(file, fresh);
        });
    report(file, file.size(), true);
  }

  private void requireRoom(List<RemoteFile> files, Path blobs) throws IOException {
    long needed = 0;
    for (RemoteFile file : files) {
      Path blob = cache.blob(file);
      Path part = blob.resolveSibling(blob.getFileName() + ".parley.incomplete");
      if (!Files.exists(blob)) {
        needed += file.size() - (Files.exists(part) ? Math.min(Files.size(part), file.size()) : 0);
      }
    }
    FileStore store = Files.getFileStore(blobs);
    long room = store.getUsableSpace();
    if (needed > room) {
      throw new HubException(
          Kind.STORAGE,
          "%s needs %,d MB, but %s has room for %,d MB: free space there, or set HF_HOME to another disk"
              .formatted(id, megabytes(needed), blobs, megabytes(room)));
    }
  }

  private static long megabytes(long bytes) {
    return (bytes + 999_999) / 1_000_000;
  }

  private void report(RemoteFile file, long bytes, boolean always) {
    long now = System.nanoTime();
    if (always || now - reported >= REPORT_NANOS) {
      reported = now;
      listener.progress(
          new Progress(id.toString(), file.name(), finishedBytes + bytes, totalBytes));
    }
  }
}
