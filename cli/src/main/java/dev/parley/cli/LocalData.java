package dev.parley.cli;

import dev.parley.client.Dataset;
import dev.parley.client.ParleyClient;
import dev.parley.v1.DataSource;
import dev.parley.v1.TrainRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Brings the files of a request that lie on this machine to the server that trains on them. */
final class LocalData {
  private final ParleyClient client;
  private final Output out;
  private final Map<String, String> uploaded = new HashMap<>();

  LocalData(ParleyClient client, Output out) {
    this.client = client;
    this.out = out;
  }

  /** The same request with an uploaded dataset in place of each file that is here. */
  TrainRequest uploaded(TrainRequest request) {
    TrainRequest.Builder there = request.toBuilder();
    there.getDataBuilderList().forEach(this::upload);
    there.getEvaluationDataBuilderList().forEach(this::upload);
    return there.build();
  }

  private void upload(DataSource.Builder source) {
    if (!source.hasPath()) {
      return;
    }
    Path file = Path.of(source.getPath());
    if (Files.isRegularFile(file)) {
      source.setDataset(uploaded.computeIfAbsent(source.getPath(), unused -> upload(file)));
    } else {
      out.note("%s is not here; the server looks for it on its own machine".formatted(file));
    }
  }

  private String upload(Path file) {
    try (ProgressBar bar = out.progressBar()) {
      Dataset dataset =
          client
              .training()
              .uploadDataset(
                  file,
                  (bytes, total) -> bar.show(bytes, total, "uploading " + file.getFileName()));
      bar.interrupt();
      out.note("%s: %,d dialogues, %s".formatted(file, dataset.dialogues(), dataset.digest()));
      return dataset.digest();
    }
  }
}
