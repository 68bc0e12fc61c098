package dev.parley.trainer.job;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.torch.Torch;
import dev.parley.v1.DataSource;
import dev.parley.v1.Dialogue;
import dev.parley.v1.DialogueTurn;
import dev.parley.v1.InlineDialogues;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A home with a base model of GPT-2's vocabulary and next to no width. */
final class TestHome {
  final Path home;
  final Path base;

  TestHome(Path directory) throws IOException {
    home = directory.resolve("home");
    base = directory.resolve("base");
    Files.createDirectories(base);
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Weights.random(Gpt2Config.of(1, 8, 2, 32), 1, scope)) {
      Gpt2Checkpoint.write(base, weights);
    }
    Gpt2Vocabulary.write(base);
  }

  /** Four dialogues, a few steps. */
  TrainRequest.Builder request() {
    return TrainRequest.newBuilder()
        .setBaseModel(base.toString())
        .setModelName("shop")
        .addData(DataSource.newBuilder().setInline(dialogues()))
        .setParameters(
            TrainingParameters.newBuilder()
                .setMaxSteps(4)
                .setBatchSize(2)
                .setMaxLength(24)
                .setLearningRate(0.05)
                .setDevice(System.getProperty("parley.test.device", "cpu")));
  }

  private static InlineDialogues dialogues() {
    InlineDialogues.Builder dialogues = InlineDialogues.newBuilder();
    for (String name : new String[] {"one", "two", "three", "four"}) {
      dialogues.addDialogues(
          Dialogue.newBuilder().addTurns(turn("user", name)).addTurns(turn("assistant", "yes")));
    }
    return dialogues.build();
  }

  private static DialogueTurn turn(String role, String text) {
    return DialogueTurn.newBuilder().setRole(role).setText(text).build();
  }
}
