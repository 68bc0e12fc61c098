package dev.parley.cli;

import com.google.protobuf.util.Durations;
import dev.parley.model.hub.HubListener;
import dev.parley.v1.BaseModelDownload;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.JobCreated;
import dev.parley.v1.JobFinished;
import dev.parley.v1.JobInterrupted;
import dev.parley.v1.JobResumed;
import dev.parley.v1.JobStarted;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.Sample;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingUpdate;
import java.time.Duration;
import java.util.Locale;

/** Shows a training job as it goes: a progress bar in a terminal, or its updates as JSON. */
final class TrainingView implements AutoCloseable {
  /** Characters of a reply that are shown. */
  private static final int WIDTH = 100;

  private final Output out;
  private final ProgressBar bar;
  private final HubView downloads;
  private final boolean samples;

  /**
   * A view of one job.
   *
   * @param samples whether the replies at each evaluation are shown
   */
  TrainingView(Output out, boolean samples) {
    this.out = out;
    this.bar = out.progressBar();
    this.downloads = new HubView(out, bar);
    this.samples = samples;
  }

  /** Shows one update. */
  void show(TrainingUpdate update) {
    switch (update.getUpdateCase()) {
      case CREATED -> created(update.getCreated());
      case STARTED -> started(update.getStarted());
      case STEP -> step(update.getStep());
      case EVALUATION -> evaluation(update.getEvaluation());
      case CHECKPOINT -> print("checkpoint", update.getCheckpoint());
      case FINISHED -> finished(update.getFinished());
      case FAILED -> print("failed", update.getFailed());
      case CANCELLED -> print("cancelled", update.getCancelled());
      case DOWNLOAD -> download(update.getDownload());
      case INTERRUPTED -> interrupted(update.getInterrupted());
      case RESUMED -> resumed(update.getResumed());
      case WARNING -> {
        print("warning", update.getWarning());
        note("warning: " + update.getWarning().getMessage());
      }
      case UPDATE_NOT_SET -> {}
    }
  }

  private void print(String type, com.google.protobuf.Message message) {
    out.object(MessageMap.of(type, message));
  }

  private void interrupted(JobInterrupted interrupted) {
    print("interrupted", interrupted);
    note(
        "interrupted after step %d%s"
            .formatted(
                interrupted.getStep(),
                interrupted.hasCause() ? ": " + interrupted.getCause().getMessage() : ""));
  }

  private void resumed(JobResumed resumed) {
    print("resumed", resumed);
    note(
        resumed.getStep() == 0
            ? "begins again"
            : "goes on after step %d, from %s".formatted(resumed.getStep(), resumed.getPath()));
  }

  private void created(JobCreated created) {
    print("created", created);
    note("job " + created.getJobId());
  }

  private void download(BaseModelDownload download) {
    print("download", download);
    downloads.progress(
        new HubListener.Progress(
            download.getModel(),
            download.getFile(),
            download.getDownloadedBytes(),
            download.getTotalBytes()));
  }

  private void started(JobStarted started) {
    print("started", started);
    note(
        "training on %d dialogues, evaluating on %d; %,d parameters, %d steps on %s"
            .formatted(
                started.getTrainingDialogues(),
                started.getEvaluationDialogues(),
                started.getModelParameters(),
                started.getTotalSteps(),
                started.getDevice()));
    note(
        "%.0f%% of the tokens are learned; %.1f%% of the positions are padding"
            .formatted(100 * started.getTargetTokenShare(), 100 * started.getPaddingShare()));
  }

  private void step(StepFinished step) {
    print("step", step);
    bar.show(
        step.getStep(),
        step.getTotalSteps(),
        String.format(
            Locale.ROOT,
            "step %d/%d  loss %.3f  %,.0f tokens/s  %s left",
            step.getStep(),
            step.getTotalSteps(),
            step.getLoss(),
            step.getTokensPerSecond(),
            ProgressBar.spoken(Duration.ofNanos(Durations.toNanos(step.getTimeLeft())))));
  }

  private void evaluation(EvaluationFinished evaluation) {
    print("evaluation", evaluation);
    note(
        "%s: loss %.3f, perplexity %s (%s, %,d tokens)"
            .formatted(
                evaluation.getStep() == 0 ? "before" : "after step " + evaluation.getStep(),
                evaluation.getLoss(),
                perplexity(evaluation.getPerplexity()),
                policy(evaluation.getLabelPolicy()),
                evaluation.getTargetTokens()));
    if (evaluation.hasLossWithPadding()) {
      note(
          "  counted with padding, as the seed recipe does: loss %.3f"
              .formatted(evaluation.getLossWithPadding()));
    }
    if (samples) {
      for (Sample sample : evaluation.getSamplesList()) {
        note("  %s".formatted(sample.getPrompt()));
        note("    → %s".formatted(oneLine(sample.getReply())));
      }
    }
  }

  private void finished(JobFinished finished) {
    print("finished", finished);
    bar.close();
    out.text(
        "%s@%d registered after %d steps in %s%s"
            .formatted(
                finished.getModel(),
                finished.getVersion(),
                finished.getSteps(),
                ProgressBar.spoken(Duration.ofNanos(Durations.toNanos(finished.getDuration()))),
                finished.getPromoted() ? ", now the default" : ""));
    out.text("  " + finished.getPromotionReason());
    out.text(
        "  loss %.3f → %.3f, perplexity %s → %s (%s)"
            .formatted(
                finished.getLossBefore(),
                finished.getLossAfter(),
                perplexity(finished.getPerplexityBefore()),
                perplexity(finished.getPerplexityAfter()),
                policy(finished.getLabelPolicy())));
  }

  private void note(String line) {
    bar.interrupt();
    out.note(line);
  }

  /** A perplexity with as many digits as it deserves. */
  static String perplexity(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%,.0f", value);
  }

  /** What a label policy counts, in words. */
  static String policy(LabelPolicy policy) {
    return switch (policy) {
      case LABEL_POLICY_ALL -> "per token of every turn";
      case LABEL_POLICY_REPLIES -> "per token of every turn but the first";
      case LABEL_POLICY_ASSISTANT -> "per token of the assistant's turns";
      case LABEL_POLICY_LAST -> "per token of the last turn";
      case LABEL_POLICY_PADDED -> "per token of every turn and of the padding";
      case LABEL_POLICY_UNSPECIFIED, UNRECOGNIZED -> "label policy unknown";
    };
  }

  /** A reply on one line, shortened to what a terminal shows. */
  static String oneLine(String text) {
    String line = text.replaceAll("\\s+", " ").strip();
    if (line.isEmpty()) {
      return "(no reply)";
    }
    int characters = line.codePointCount(0, line.length());
    return characters <= WIDTH ? line : line.substring(0, line.offsetByCodePoints(0, WIDTH)) + "…";
  }

  @Override
  public void close() {
    bar.close();
  }
}
