package dev.parley.trainer.sink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the tracking server knows of a job, in a file of the job's directory, so that a job that
 * goes on in another process goes on with the same run.
 *
 * @param uri of the server
 * @param run on that server; empty before it is made
 * @param sequence of the last update that was sent
 */
record MlflowState(String uri, String run, long sequence) {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** The state in a file; a new one if it is of another server, or cannot be read. */
  static MlflowState read(Path file, String uri) {
    try {
      JsonNode json = JSON.readTree(Files.readString(file));
      if (json.path("uri").asString("").equals(uri)) {
        return new MlflowState(
            uri, json.path("run_id").asString(""), json.path("sequence").asLong(0));
      }
    } catch (IOException | JacksonException e) {
      // the first time, or torn: the run is looked for by its tag
    }
    return new MlflowState(uri, "", 0);
  }

  MlflowState withRun(String id) {
    return new MlflowState(uri, id, sequence);
  }

  MlflowState sent(long last) {
    return new MlflowState(uri, run, last);
  }

  void write(Path file) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("uri", uri).put("run_id", run).put("sequence", sequence);
    Path aside = file.resolveSibling("." + file.getFileName() + ".new");
    Files.writeString(aside, JSON.writeValueAsString(json) + "\n");
    Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING);
  }
}
