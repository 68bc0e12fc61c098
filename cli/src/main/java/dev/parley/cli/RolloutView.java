package dev.parley.cli;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** What the commands say that decide which version answers. */
final class RolloutView {
  private RolloutView() {}

  /** A canary, of a registry or of a server. */
  record Canary(int version, double share) {
    static Canary of(dev.parley.model.registry.Canary canary) {
      return new Canary(canary.version(), canary.share());
    }

    static Canary of(dev.parley.client.Canary canary) {
      return new Canary(canary.version(), canary.share());
    }

    Map<String, @Nullable Object> map() {
      return Output.ordered("version", version, "share", share);
    }

    /** Such as {@code 12.5%}. */
    String percent() {
      return String.format(Locale.ROOT, "%.4g", 100 * share)
              .replaceAll("(\\.\\d*?)0+$", "$1")
              .replaceAll("\\.$", "")
          + "%";
    }
  }

  static @Nullable Object mapOf(Optional<Canary> canary) {
    return canary.isPresent() ? canary.get().map() : null;
  }

  static void aliasMoved(
      Output out, String model, String alias, int version, OptionalInt previous) {
    out.object(alias(model, alias, version, previous));
    out.text(sentence(model, alias, version, previous));
  }

  static void rolledBack(
      Output out, String model, int version, OptionalInt from, Optional<Canary> ended) {
    Map<String, @Nullable Object> object = alias(model, "default", version, from);
    object.put("ended_canary", mapOf(ended));
    out.object(object);
    out.text(
        sentence(model, "default", version, from)
            + ended
                .map(canary -> "; its canary, version %d, has ended".formatted(canary.version()))
                .orElse(""));
  }

  static void canary(Output out, String model, Optional<Canary> canary) {
    out.object(Output.ordered("model", model, "canary", mapOf(canary)));
    out.text(
        canary
            .map(
                c ->
                    "%s@%d answers %s of the new conversations with %s now"
                        .formatted(model, c.version(), c.percent(), model))
            .orElse("%s has no canary now".formatted(model)));
  }

  private static Map<String, @Nullable Object> alias(
      String model, String alias, int version, OptionalInt previous) {
    return Output.ordered(
        "model",
        model,
        "alias",
        alias,
        "version",
        version,
        "previous_version",
        previous.isPresent() ? previous.getAsInt() : null);
  }

  private static String sentence(String model, String alias, int version, OptionalInt previous) {
    return "%s@%s is version %d now%s"
        .formatted(
            model, alias, version, previous.isPresent() ? ", it was " + previous.getAsInt() : "");
  }
}
