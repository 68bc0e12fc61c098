package dev.parley.model.hub;

import java.nio.file.Path;

/**
 * A model of a hub on this machine, at one commit.
 *
 * @param id with that commit as its revision
 * @param directory in Hugging Face layout; shared with other tools, not to be written to
 */
public record HubSnapshot(HubId id, Path directory) {
  /** What names exactly these files: {@code organisation/name@commit}. */
  public String reference() {
    return id.toString();
  }
}
