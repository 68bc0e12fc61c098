package dev.parley.model.hub;

import org.jspecify.annotations.Nullable;

/** A model of a hub cannot be had. The message names the model, the reason and the remedy. */
public final class HubException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What a program can do about it. */
  public enum Kind {
    /** There is no such model, revision or file: another name is needed. */
    NOT_FOUND,
    /** A token, or another one, is needed. */
    DENIED,
    /** No network, by will or by accident: later it may work. */
    UNREACHABLE,
    /** What came is not what was announced: a proxy or a mirror changes it, or the disk does. */
    DAMAGED,
    /** It is there, but Parley cannot use it. */
    UNUSABLE,
    /** No room, no permission: the cache cannot be written. */
    STORAGE,
    /** A variable of the environment makes no sense. */
    CONFIGURATION
  }

  private final Kind kind;

  HubException(Kind kind, String message) {
    this(kind, message, null);
  }

  HubException(Kind kind, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  /** What a program can do about it. */
  public Kind kind() {
    return kind;
  }
}
