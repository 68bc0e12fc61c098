package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model's rollout.json: its canary, and what its default named before. It is a file beside
 * aliases.json, not part of it, so that a Parley that knows no canaries still reads the aliases.
 *
 * <p>A change of the default writes this file first and aliases.json second, each by a rename.
 * Entries at the end of {@code pastDefaults} that are the present default do not count; so a
 * process that dies between the two leaves what was there before the change.
 *
 * @param pastDefaults what {@code default} named, the latest last
 */
record Rollout(Optional<Canary> canary, List<Integer> pastDefaults) {
  static final String FILE = "rollout.json";

  /** A model that was never rolled out in steps. */
  static final Rollout NONE = new Rollout(Optional.empty(), List.of());

  /** More steps back than anyone takes. */
  private static final int KEPT = 20;

  private static final JsonMapper JSON = new JsonMapper();

  Rollout {
    pastDefaults = List.copyOf(pastDefaults);
  }

  /** Where a rollback goes to; empty: nowhere. */
  OptionalInt previous(OptionalInt present) {
    List<Integer> past = before(present);
    return past.isEmpty() ? OptionalInt.empty() : OptionalInt.of(past.get(past.size() - 1));
  }

  /** The default moves on; a canary that becomes the default is none any more. */
  Rollout promoted(OptionalInt present, OptionalInt next) {
    List<Integer> past = new ArrayList<>(before(present));
    present.ifPresent(past::add);
    return new Rollout(
        canary.filter(c -> next.isEmpty() || c.version() != next.getAsInt()),
        past.subList(Math.max(0, past.size() - KEPT), past.size()));
  }

  /** The default goes back to {@link #previous}; the canary ends. */
  Rollout rolledBack(OptionalInt present) {
    return new Rollout(Optional.empty(), before(present));
  }

  Rollout with(Optional<Canary> other) {
    return new Rollout(other, pastDefaults);
  }

  /** Without versions that are deleted, and without a canary that is the default. */
  Rollout among(List<Integer> versions, OptionalInt present) {
    return new Rollout(
        canary
            .filter(c -> versions.contains(c.version()))
            .filter(c -> present.isEmpty() || c.version() != present.getAsInt()),
        pastDefaults.stream().filter(versions::contains).toList());
  }

  private List<Integer> before(OptionalInt present) {
    int end = pastDefaults.size();
    while (end > 0 && present.isPresent() && pastDefaults.get(end - 1) == present.getAsInt()) {
      end--;
    }
    return pastDefaults.subList(0, end);
  }

  /**
   * Reads it; {@link #NONE} if a model has no such file.
   *
   * @throws RegistryException if it is damaged
   */
  static Rollout read(Path model) throws IOException {
    Path file = model.resolve(FILE);
    try {
      JsonNode json = JSON.readTree(Files.readString(file));
      JsonNode canary = json.path("canary");
      List<Integer> past = new ArrayList<>();
      json.path("past_defaults").forEach(version -> past.add(version.intValue()));
      return new Rollout(
          canary.isObject()
              ? Optional.of(
                  new Canary(canary.path("version").intValue(), canary.path("share").doubleValue()))
              : Optional.empty(),
          past);
    } catch (NoSuchFileException e) {
      return NONE;
    } catch (JacksonException e) {
      throw damaged(file, e.getOriginalMessage(), e);
    } catch (IllegalArgumentException e) {
      throw damaged(file, String.valueOf(e.getMessage()), e);
    }
  }

  private static RegistryException damaged(Path file, String reason, Exception cause) {
    return new RegistryException(
        "%s is damaged: %s; delete it: the model then has no canary, and nothing to roll back to"
            .formatted(file, reason),
        cause);
  }

  /** Replaces it in one step. Under the registry's lock. */
  void write(Path model) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    canary.ifPresent(
        c -> json.putObject("canary").put("version", c.version()).put("share", c.share()));
    ArrayNode past = json.putArray("past_defaults");
    pastDefaults.forEach(past::add);
    DurableFiles.replace(
        model.resolve(FILE), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n");
  }
}
