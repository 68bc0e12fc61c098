package dev.parley.server.ops;

import dev.parley.v1.DataSource;
import dev.parley.v1.Dialogue;
import dev.parley.v1.DialogueTurn;
import dev.parley.v1.InlineDialogues;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;

/** Small training requests. */
public final class TestJobs {
  private TestJobs() {}

  /** Some steps on four dialogues. */
  public static TrainRequest.Builder steps(String base, String model, int steps) {
    InlineDialogues.Builder dialogues = InlineDialogues.newBuilder();
    for (String name : new String[] {"Ada", "Bo", "Cy", "Di"}) {
      dialogues.addDialogues(
          Dialogue.newBuilder()
              .addTurns(DialogueTurn.newBuilder().setRole("user").setText("who are you?"))
              .addTurns(DialogueTurn.newBuilder().setRole("assistant").setText("I am " + name)));
    }
    return TrainRequest.newBuilder()
        .setBaseModel(base)
        .setModelName(model)
        .addData(DataSource.newBuilder().setInline(dialogues))
        .addSamplePrompts("who are you?")
        .setParameters(
            TrainingParameters.newBuilder()
                .setMaxSteps(steps)
                .setEpochs(10_000)
                .setBatchSize(2)
                .setSeed(7));
  }

  /** More steps than any test waits for. */
  public static TrainRequest.Builder endless(String model) {
    return steps("parley-tiny", model, 1_000_000);
  }
}
