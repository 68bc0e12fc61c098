package dev.parley.model.registry;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * A model of the registry as people write it: {@code name}, {@code name@version} or {@code
 * name@alias}. The bare name means the alias {@code default}; {@code name@latest} means the highest
 * version, whatever the aliases say.
 *
 * @param name of the model
 * @param version if the reference names one
 * @param alias if the reference names one; at most one of the two is present
 */
public record ModelReference(String name, OptionalInt version, Optional<String> alias) {
  /** The alias that a bare name means. */
  public static final String DEFAULT = "default";

  /** The reserved alias of the highest version. */
  public static final String LATEST = "latest";

  private static final Pattern NAME = Pattern.compile("[a-z0-9_-][a-z0-9._-]{0,63}");
  private static final Pattern ALIAS = Pattern.compile("[a-z][a-z0-9._-]{0,63}");
  private static final Pattern VERSION = Pattern.compile("[1-9][0-9]{0,8}");

  /** Checks the parts. */
  public ModelReference {
    requireName(name);
    alias.ifPresent(ModelReference::requireAlias);
    if (version.isPresent() && alias.isPresent()) {
      throw new IllegalArgumentException("a reference names a version or an alias, not both");
    }
    if (version.isPresent() && version.getAsInt() < 1) {
      throw new IllegalArgumentException(
          "version %d is impossible: versions start at 1".formatted(version.getAsInt()));
    }
  }

  /** The version that the alias {@code default} of a model names. */
  public static ModelReference of(String name) {
    return new ModelReference(name, OptionalInt.empty(), Optional.empty());
  }

  /** One version of a model. */
  public static ModelReference of(String name, int version) {
    return new ModelReference(name, OptionalInt.of(version), Optional.empty());
  }

  /**
   * Reads a reference.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static ModelReference parse(String reference) {
    int at = reference.indexOf('@');
    if (at < 0) {
      return of(reference);
    }
    String name = reference.substring(0, at);
    String rest = reference.substring(at + 1);
    if (VERSION.matcher(rest).matches()) {
      return of(name, Integer.parseInt(rest));
    }
    return new ModelReference(name, OptionalInt.empty(), Optional.of(rest));
  }

  /** As {@link #parse} reads it. */
  @Override
  public String toString() {
    return version.isPresent()
        ? name + "@" + version.getAsInt()
        : alias.map(a -> name + "@" + a).orElse(name);
  }

  static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  static boolean isVersion(String name) {
    return VERSION.matcher(name).matches();
  }

  static void requireName(String name) {
    if (!isName(name)) {
      throw new IllegalArgumentException(
          ("model name '%s' is impossible: use 1 to 64 lower-case letters, digits, '.', '_', '-',"
                  + " not '.' first")
              .formatted(name));
    }
  }

  static void requireAlias(String alias) {
    if (!ALIAS.matcher(alias).matches()) {
      throw new IllegalArgumentException(
          ("'%s' is neither a version (1, 2, ...) nor an alias: an alias is 1 to 64 lower-case"
                  + " letters, digits, '.', '_', '-', a letter first")
              .formatted(alias));
    }
  }
}
