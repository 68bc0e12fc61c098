package dev.parley.server.models;

import dev.parley.model.registry.Canary;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.registry.RegistryException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The canaries that the registry names. One that cannot be read is none, and is logged once.
 * Thread-safe.
 */
final class Canaries {
  private static final Logger log = LoggerFactory.getLogger(Canaries.class);

  private final Registry registry;
  private final Map<String, String> unread = new ConcurrentHashMap<>(); // why, by model

  Canaries(Registry registry) {
    this.registry = registry;
  }

  /**
   * The version of a model's canary.
   *
   * @param wanted asked only where there is a canary
   */
  Optional<RegisteredVersion> find(String model, Predicate<Canary> wanted) {
    try {
      Optional<Canary> canary = registry.canary(model);
      Optional<RegisteredVersion> found =
          canary
              .filter(wanted)
              .map(each -> registry.resolve(ModelReference.of(model, each.version())));
      if (found.isPresent() || canary.isEmpty()) {
        unread.remove(model);
      }
      return found;
    } catch (IllegalArgumentException e) { // not a model's name alone
      return Optional.empty();
    } catch (RegistryException e) {
      String reason = String.valueOf(e.getMessage());
      if (!reason.equals(unread.put(model, reason))) { // asked every second
        log.warn("model {} has a canary that cannot be read: {}", model, reason);
      }
      return Optional.empty();
    }
  }
}
