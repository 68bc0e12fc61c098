package dev.parley.server.training;

import dev.parley.v1.DataSource;
import dev.parley.v1.InlineDialogues;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingUpdate;

/**
 * Leaves the dialogues that a request brought along out of what is shown of it: they may be larger
 * than a client accepts in one message, and a list of jobs would hold all of them in memory. They
 * stay whole in the job's spec.json.
 */
final class InlineData {
  private static final DataSource LEFT_OUT =
      DataSource.newBuilder().setInline(InlineDialogues.getDefaultInstance()).build();

  private InlineData() {}

  static TrainingUpdate leaveOut(TrainingUpdate update) {
    if (!update.hasCreated()) {
      return update;
    }
    TrainingUpdate.Builder shown = update.toBuilder();
    shown.getCreatedBuilder().setRequest(leaveOut(update.getCreated().getRequest()));
    return shown.build();
  }

  static TrainRequest leaveOut(TrainRequest request) {
    TrainRequest.Builder shown = request.toBuilder();
    for (int i = 0; i < request.getDataCount(); i++) {
      if (request.getData(i).hasInline()) {
        shown.setData(i, LEFT_OUT);
      }
    }
    for (int i = 0; i < request.getEvaluationDataCount(); i++) {
      if (request.getEvaluationData(i).hasInline()) {
        shown.setEvaluationData(i, LEFT_OUT);
      }
    }
    return shown.build();
  }
}
