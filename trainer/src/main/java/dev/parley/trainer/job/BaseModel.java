package dev.parley.trainer.job;

import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.hub.Hub;
import dev.parley.model.hub.HubId;
import dev.parley.model.hub.HubListener;
import dev.parley.model.hub.HubSnapshot;
import dev.parley.model.registry.EmbeddedBase;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What a training starts from.
 *
 * @param reference as the request names it, with the version where it is one of the registry, and
 *     with the commit where it is one of a hub
 */
record BaseModel(String reference, Path directory) {
  /**
   * The model that a reference means; the embedded base is made where it is missing, a model of a
   * hub is downloaded. A version of the registry is as it was registered.
   *
   * @param hub opened for a model of a hub only
   * @throws dev.parley.model.registry.ModelNotFoundException if there is none
   * @throws dev.parley.model.registry.DamagedVersionException if its files have changed
   * @throws dev.parley.model.hub.HubException if the hub's cannot be had
   */
  static BaseModel locate(
      Registry registry, String reference, Supplier<Hub> hub, HubListener listener) {
    Optional<HubId> id = HubId.meantBy(reference);
    if (id.isPresent()) {
      HubSnapshot snapshot = hub.get().snapshot(id.get(), listener);
      return new BaseModel(snapshot.reference(), snapshot.directory());
    }
    if (reference.equals(EmbeddedBase.NAME) || reference.startsWith(EmbeddedBase.NAME + "@")) {
      EmbeddedBase.ensure(registry);
    }
    Path directory = registry.locate(reference);
    Path absolute = directory.toAbsolutePath().normalize();
    boolean registered = absolute.startsWith(registry.root().toAbsolutePath().normalize());
    if (!registered) {
      return new BaseModel(absolute.toString(), directory);
    }
    RegisteredVersion version = registry.resolve(reference);
    registry.verify(version);
    return new BaseModel(version.reference(), version.directory());
  }

  /** SHA-256 of its weights, in hexadecimal. */
  String weightsSha256() {
    try (InputStream file = Files.newInputStream(Gpt2Checkpoint.weightsFile(directory));
        DigestInputStream digest =
            new DigestInputStream(file, MessageDigest.getInstance("SHA-256"))) {
      byte[] buffer = new byte[1 << 20];
      while (digest.read(buffer) >= 0) {
        // until all is digested
      }
      return HexFormat.of().formatHex(digest.getMessageDigest().digest());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }
}
