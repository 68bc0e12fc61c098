package dev.parley.trainer.sink;

import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.Sample;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingUpdate;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a TensorBoard event file: scalars at each step and evaluation, the sample replies and the
 * parameters as text, and the parameters for TensorBoard's HPARAMS page.
 *
 * <p>The file is a function of the event log, byte by byte; a job that goes on in another process
 * goes on with the same file.
 */
final class TensorBoardSink implements TrainingSink {
  private final Path directory;
  private @Nullable EventFile file;
  private long lastStep = -1;

  TensorBoardSink(Path directory) {
    this.directory = directory;
  }

  @Override
  public String name() {
    return "TensorBoard";
  }

  @Override
  public void accept(TrainingUpdate update) {
    double seconds = TensorBoardEvent.seconds(update.getTime());
    switch (update.getUpdateCase()) {
      case CREATED -> {
        long created = update.getTime().getSeconds();
        write(
            open(directory.resolve("events.out.tfevents.%d.parley".formatted(created))),
            TensorBoardEvent.fileVersion(seconds));
      }
      case STARTED -> {
        Map<String, Object> parameters = Hyperparameters.of(update.getStarted());
        write(file, TensorBoardEvent.text(seconds, 0, "parameters", table(parameters)));
        write(file, TensorBoardEvent.sessionStart(seconds, parameters));
      }
      case RESUMED -> resumed(seconds, update.getResumed().getStep());
      case STEP -> step(seconds, update.getStep());
      case EVALUATION -> evaluation(seconds, update.getEvaluation());
      case FINISHED -> {
        String result =
            "%s@%d: loss %.4f → %.4f, perplexity %.2f → %.2f. %s"
                .formatted(
                    update.getFinished().getModel(),
                    update.getFinished().getVersion(),
                    update.getFinished().getLossBefore(),
                    update.getFinished().getLossAfter(),
                    update.getFinished().getPerplexityBefore(),
                    update.getFinished().getPerplexityAfter(),
                    update.getFinished().getPromotionReason());
        write(
            file,
            TensorBoardEvent.text(seconds, update.getFinished().getSteps(), "result", result));
        write(file, TensorBoardEvent.sessionEnd(seconds, true));
      }
      case FAILED -> {
        String reason = update.getFailed().getStatus().getMessage();
        write(file, TensorBoardEvent.text(seconds, Math.max(0, lastStep), "result", reason));
        write(file, TensorBoardEvent.sessionEnd(seconds, false));
      }
      case CANCELLED -> write(file, TensorBoardEvent.sessionEnd(seconds, false));
      default -> {} // what has no curve and no text
    }
  }

  private EventFile open(Path path) {
    EventFile opened = new EventFile(path);
    file = opened;
    return opened;
  }

  private void step(double seconds, StepFinished step) {
    begin(seconds, step.getStep());
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("train/loss", step.getLoss());
    scalars.put("train/learning_rate", step.getLearningRate());
    scalars.put("train/gradient_norm", step.getGradientNorm());
    scalars.put("train/tokens_per_second", step.getTokensPerSecond());
    scalars.put("train/epoch", step.getEpoch());
    write(file, TensorBoardEvent.scalars(seconds, step.getStep(), scalars));
  }

  private void evaluation(double seconds, EvaluationFinished evaluation) {
    if (evaluation.getStep() < lastStep) {
      begin(seconds, evaluation.getStep()); // made once more, after a checkpoint
    }
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("evaluation/loss", evaluation.getLoss());
    scalars.put("evaluation/perplexity", evaluation.getPerplexity());
    if (evaluation.hasLossWithPadding()) {
      scalars.put("evaluation/loss_with_padding", evaluation.getLossWithPadding());
    }
    write(file, TensorBoardEvent.scalars(seconds, evaluation.getStep(), scalars));
    if (evaluation.getSamplesCount() > 0) {
      StringBuilder samples = new StringBuilder("| prompt | reply |\n|---|---|\n");
      for (Sample sample : evaluation.getSamplesList()) {
        row(samples, sample.getPrompt(), sample.getReply());
      }
      write(
          file,
          TensorBoardEvent.text(seconds, evaluation.getStep(), "samples", samples.toString()));
    }
  }

  /** What is void is so from here on, and not only when its first step is made again. */
  private void resumed(double seconds, long step) {
    long first = step == 0 ? 0 : step + 1; // the evaluation of 0 is made again, too
    if (first <= lastStep) {
      write(file, TensorBoardEvent.restart(seconds, first));
      lastStep = first - 1;
    }
  }

  /** A step that was made before is made again: what was said of it and those after it is void. */
  private void begin(double seconds, long step) {
    if (step <= lastStep) {
      write(file, TensorBoardEvent.restart(seconds, step));
    }
    lastStep = step;
  }

  private static String table(Map<String, Object> values) {
    StringBuilder table = new StringBuilder("| parameter | value |\n|---|---|\n");
    values.forEach((name, value) -> row(table, name, value.toString()));
    return table.toString();
  }

  private static void row(StringBuilder table, String left, String right) {
    table.append("| ").append(cell(left)).append(" | ").append(cell(right)).append(" |\n");
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replaceAll("\\s+", " ");
  }

  private static void write(@Nullable EventFile file, byte[] event) {
    if (file != null) { // every log begins with CREATED
      file.append(event);
    }
  }

  @Override
  public void close() {
    if (file != null) {
      file.close();
      file = null;
    }
  }
}
