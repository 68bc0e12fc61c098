package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Compares the files of a version with its manifest. */
final class Verification {
  private Verification() {}

  static void verify(RegisteredVersion version) throws IOException {
    Map<String, String> expected = version.manifest().fileSha256();
    for (Map.Entry<String, String> entry : expected.entrySet()) {
      Path file = version.directory().resolve(entry.getKey());
      if (!Files.isRegularFile(file)) {
        throw damaged(version, file, "is missing");
      }
      String found = DurableFiles.sha256(file);
      if (!found.equals(entry.getValue())) {
        throw damaged(
            version,
            file,
            "has SHA-256 %s, but was registered with %s".formatted(found, entry.getValue()));
      }
    }
    for (Path file : DurableFiles.list(version.directory())) {
      String name = file.getFileName().toString();
      if (!name.startsWith(".") && !name.equals(Manifest.FILE) && !expected.containsKey(name)) {
        throw damaged(version, file, "was added after the version was registered");
      }
    }
  }

  private static DamagedVersionException damaged(
      RegisteredVersion version, Path file, String what) {
    return new DamagedVersionException(
        "%s is damaged: %s %s; restore the file, or use another version"
            .formatted(version.reference(), file, what));
  }
}
