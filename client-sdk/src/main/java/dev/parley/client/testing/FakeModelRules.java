package dev.parley.client.testing;

import io.grpc.StatusRuntimeException;
import java.util.regex.Pattern;

/** What a server says against a change of a model before it looks whether the model is there. */
final class FakeModelRules {
  private static final Pattern NAME = Pattern.compile("[a-z0-9_-][a-z0-9._-]{0,63}");
  private static final Pattern ALIAS = Pattern.compile("[a-z][a-z0-9._-]{0,63}");

  private FakeModelRules() {}

  /** A model's name. */
  static void name(String name) throws StatusRuntimeException {
    require(NAME.matcher(name).matches(), "name", "model name '" + name + "' is impossible");
  }

  /** An alias that may be moved. */
  static void alias(String alias) throws StatusRuntimeException {
    require(ALIAS.matcher(alias).matches(), "alias", "'" + alias + "' is no alias");
    require(!alias.equals("latest"), "alias", "is 'latest', which means a version by itself");
  }

  /** A version's number. */
  static void version(String field, int version) throws StatusRuntimeException {
    require(version >= 1, field, "is " + version + ", but must be at least 1");
  }

  /** A canary's share. */
  static void share(double share) throws StatusRuntimeException {
    require(
        share > 0 && share <= 1,
        "canary.share",
        "is " + share + ", but must be above 0 and at most 1, such as 0.1");
  }

  private static void require(boolean holds, String field, String description) {
    if (!holds) {
      throw FakeError.invalid(field, description).toException();
    }
  }
}
