package dev.parley.model.registry;

/** A canary or a rollback is impossible as the model stands; nothing has changed. */
public final class RolloutException extends RegistryException {
  /** Why. */
  public enum Reason {
    /** Default never named another version that is still there. */
    NOTHING_TO_ROLL_BACK,
    /** Default names another version than the caller says. */
    DEFAULT_HAS_MOVED,
    /** Without a default there is nothing for a canary to be compared with. */
    NO_DEFAULT,
    /** The version is the default. */
    CANARY_IS_DEFAULT,
    /** A backward model ranks replies and answers nobody. */
    WRONG_DIRECTION
  }

  private final Reason reason;

  RolloutException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** Why, for programs. */
  public Reason reason() {
    return reason;
  }
}
