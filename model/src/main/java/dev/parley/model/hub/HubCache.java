package dev.parley.model.hub;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * One model in the cache that Hugging Face's tools share:
 *
 * <pre>
 * models--organisation--name/
 *   blobs/ETAG                          contents, each once
 *   refs/REVISION                       the commit that a branch or a tag meant last
 *   snapshots/COMMIT/FILE               links to blobs, or copies where there are no links
 *   .no_exist/COMMIT/FILE               files that the repository is known not to have
 * .locks/models--organisation--name/ETAG.lock
 * </pre>
 */
final class HubCache {
  private final Path locks;
  private final Path repository;
  private final Links links;

  HubCache(Path cache, HubId id, Links links) {
    String folder = "models--%s--%s".formatted(id.organisation(), id.name());
    this.locks = cache.resolve(".locks").resolve(folder);
    this.repository = cache.resolve(folder);
    this.links = links;
  }

  /** Makes a symbolic link. */
  interface Links {
    /** Those of the file system. */
    Links SYMBOLIC = (link, target) -> Files.createSymbolicLink(link, target);

    /**
     * Makes one.
     *
     * @throws IOException if the file system, or its administrator, has none
     * @throws UnsupportedOperationException likewise
     */
    void create(Path link, Path target) throws IOException;
  }

  /** The commit that a revision means, as far as is known here. */
  Optional<String> commit(String revision) throws IOException {
    if (HubId.isCommit(revision)) {
      return Optional.of(revision);
    }
    Path ref = ref(revision);
    if (!Files.isRegularFile(ref)) {
      return Optional.empty();
    }
    return Optional.of(Files.readString(ref).strip()).filter(RemoteFile::isSafe);
  }

  /** Remembers what a revision means. */
  void remember(String revision, String commit) throws IOException {
    if (revision.equals(commit) || commit(revision).filter(commit::equals).isPresent()) {
      return; // also where the cache is read-only
    }
    Path ref = ref(revision);
    Files.createDirectories(ref.getParent());
    Path aside = Files.createTempFile(ref.getParent(), ".", ".new");
    Files.write(aside, commit.getBytes(StandardCharsets.UTF_8));
    Files.move(aside, ref, StandardCopyOption.ATOMIC_MOVE); // replaces, beside others that do
  }

  /** Where the files of a commit are, if any are. */
  Path snapshot(String commit) {
    return repository.resolve("snapshots").resolve(commit);
  }

  /** Whether a file of a commit is here. */
  boolean has(String commit, String name) {
    return Files.isRegularFile(snapshot(commit).resolve(name));
  }

  /** Whether a commit is known to lack a file. */
  boolean isKnownToLack(String commit, String name) {
    return Files.exists(absent(commit, name));
  }

  /** Remembers that a commit lacks a file. */
  void rememberLack(String commit, String name) throws IOException {
    Path mark = absent(commit, name);
    Files.createDirectories(mark.getParent());
    try {
      Files.createFile(mark);
    } catch (FileAlreadyExistsException e) {
      // as it should be
    }
  }

  Path blob(RemoteFile file) {
    return repository.resolve("blobs").resolve(file.etag());
  }

  Path lock(RemoteFile file) throws IOException {
    return Files.createDirectories(locks).resolve(file.etag() + ".lock");
  }

  /**
   * Puts a blob into its commit's snapshot. Called with the blob's lock held.
   *
   * @param fresh whether nothing else can refer to the blob yet
   */
  void publish(RemoteFile file, boolean fresh) throws IOException {
    Path snapshot = Files.createDirectories(snapshot(file.commit()));
    Path pointer = snapshot.resolve(file.name());
    Files.deleteIfExists(pointer); // a link whose blob was deleted
    Path blob = blob(file);
    try {
      links.create(pointer, snapshot.relativize(blob));
    } catch (FileAlreadyExistsException e) {
      if (!Files.isRegularFile(pointer)) {
        throw e;
      }
    } catch (UnsupportedOperationException | IOException e) {
      // as Hugging Face's tools do: the space is taken once where possible
      if (fresh) {
        Files.move(blob, pointer);
      } else {
        Files.copy(blob, pointer);
      }
    }
  }

  private Path ref(String revision) {
    return repository.resolve("refs").resolve(revision);
  }

  private Path absent(String commit, String name) {
    return repository.resolve(".no_exist").resolve(commit).resolve(name);
  }
}
