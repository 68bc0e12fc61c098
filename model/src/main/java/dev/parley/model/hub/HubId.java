package dev.parley.model.hub;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A model of a hub as people write it: {@code organisation/name} or {@code
 * organisation/name@revision}. The slash tells it from {@code name@version} of the registry, whose
 * names have none; a revision may have slashes itself ({@code refs/pr/7}).
 *
 * @param organisation a user or an organisation
 * @param name of the model
 * @param revision a branch, a tag or a commit; the branch {@code main} where absent
 */
public record HubId(String organisation, String name, Optional<String> revision) {
  /** The branch that an id without a revision means. */
  static final String MAIN = "main";

  private static final int LONGEST = 96;
  private static final Pattern PART =
      Pattern.compile("[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?");
  private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  /** Checks the parts. */
  public HubId {
    String repository = organisation + "/" + name;
    if (!isPart(organisation) || !isPart(name) || repository.length() > LONGEST) {
      throw new IllegalArgumentException(
          ("'%s' is no id of a model on a hub: expected organisation/name, at most %d letters,"
                  + " digits, '.', '_' and '-'")
              .formatted(repository, LONGEST));
    }
    revision.ifPresent(
        r -> {
          if (!isRevision(r)) {
            throw new IllegalArgumentException(
                "'%s' is no revision of %s: expected a branch, a tag or a commit"
                    .formatted(r, repository));
          }
        });
  }

  /** The id that a text is; empty if it is something else. */
  public static Optional<HubId> parse(String text) {
    int at = text.indexOf('@');
    String repository = at < 0 ? text : text.substring(0, at);
    Optional<String> revision = at < 0 ? Optional.empty() : Optional.of(text.substring(at + 1));
    int slash = repository.indexOf('/');
    if (slash < 0) {
      return Optional.empty();
    }
    String organisation = repository.substring(0, slash);
    String name = repository.substring(slash + 1);
    boolean is =
        isPart(organisation)
            && isPart(name)
            && repository.length() <= LONGEST
            && revision.map(HubId::isRevision).orElse(true);
    return is ? Optional.of(new HubId(organisation, name, revision)) : Optional.empty();
  }

  /**
   * The id that a reference to a model means: one that has an id's form, unless a directory of that
   * name is here.
   */
  public static Optional<HubId> meantBy(String reference) {
    return parse(reference).filter(id -> !Files.isDirectory(Path.of(reference)));
  }

  /** Without the revision. */
  public String repository() {
    return organisation + "/" + name;
  }

  /** As {@link #parse} reads it. */
  @Override
  public String toString() {
    return repository() + revision.map(r -> "@" + r).orElse("");
  }

  /** The revision, {@code main} where none is named. */
  String revisionOrMain() {
    return revision.orElse(MAIN);
  }

  /** This model at a commit. */
  HubId at(String commit) {
    return new HubId(organisation, name, Optional.of(commit));
  }

  /** Whether a revision is a whole commit, which never changes. */
  static boolean isCommit(String revision) {
    return COMMIT.matcher(revision).matches();
  }

  private static boolean isPart(String text) {
    return PART.matcher(text).matches()
        && !text.contains("--") // joins the parts in the cache
        && !text.contains("..")
        && !text.endsWith(".git");
  }

  private static boolean isRevision(String text) {
    return REVISION.matcher(text).matches() && !text.contains("..") && !text.contains("//");
  }
}
