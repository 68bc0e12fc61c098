package dev.parley.server.models;

import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.Code;
import dev.parley.model.registry.Direction;
import dev.parley.model.registry.ModelNotFoundException;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.RolloutException;
import dev.parley.server.rpc.RpcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What goes wrong with models, as clients see it. */
final class ModelErrors {
  private ModelErrors() {}

  /** Reads a reference; INVALID_ARGUMENT for {@code field} if it is none. */
  static ModelReference reference(String field, String text) {
    if (text.isEmpty()) {
      throw RpcException.invalid(field, "is empty: name a model, such as parley-tiny");
    }
    try {
      return ModelReference.parse(text);
    } catch (IllegalArgumentException e) {
      throw RpcException.invalid(field, String.valueOf(e.getMessage()));
    }
  }

  /** INVALID_ARGUMENT for {@code field} if a text is no model's name. */
  static void name(String field, String text) {
    List<FieldViolation> violations = new ArrayList<>();
    check(field, () -> ModelReference.of(text), violations);
    if (!violations.isEmpty()) {
      throw RpcException.invalid(violations);
    }
  }

  /** Notes what a parser says against a field. */
  static void check(
      String field, Supplier<ModelReference> parser, List<FieldViolation> violations) {
    try {
      ModelReference unused = parser.get();
    } catch (IllegalArgumentException e) {
      violations.add(RpcException.violation(field, String.valueOf(e.getMessage())));
    }
  }

  /** FAILED_PRECONDITION: a canary or a rollback is impossible as the model stands. */
  static RpcException refused(String model, RolloutException e) {
    return RpcException.of(
        Code.FAILED_PRECONDITION,
        e.reason().name(),
        String.valueOf(e.getMessage()),
        Map.of("model", model));
  }

  static RpcException notFound(ModelNotFoundException e) {
    return RpcException.notFound("MODEL_NOT_FOUND", String.valueOf(e.getMessage()));
  }

  /**
   * A version whose engine stopped and is not due to be loaded again.
   *
   * @param failures in a row
   */
  static RpcException restarting(String version, int failures, Duration delay) {
    return RpcException.unavailable(
        "ENGINE_FAILED",
        ("the engine of model %s stopped %d times in a row and is loaded again in %d s; the server's"
                + " log says why it stopped")
            .formatted(version, failures, delay.toSeconds() + 1),
        Map.of("model", version, "failures", Integer.toString(failures)),
        delay);
  }

  /** FAILED_PRECONDITION where a version reads turns the other way round. */
  static void requireDirection(RegisteredVersion version, Direction direction) {
    Direction actual = version.manifest().lineage().direction();
    if (actual == direction) {
      return;
    }
    String sentence =
        switch (actual) {
          case BACKWARD ->
              "model %s is a backward model: it guesses what was said before a reply and cannot chat; name it as setup.mmi_model beside a forward one";
          case FORWARD ->
              "model %s is a forward model and cannot rank candidates; name one that was trained with direction BACKWARD";
        };
    throw RpcException.of(
        Code.FAILED_PRECONDITION,
        "WRONG_DIRECTION",
        sentence.formatted(version.reference()),
        Map.of("model", version.reference(), "direction", actual.name()));
  }

  static RpcException notLoaded(String version, @Nullable Throwable cause) {
    String why = cause == null ? "no reason is known" : String.valueOf(cause.getMessage());
    return RpcException.of(
        Code.UNAVAILABLE,
        "MODEL_NOT_LOADED",
        "model %s cannot be loaded: %s".formatted(version, why),
        Map.of("model", version));
  }
}
