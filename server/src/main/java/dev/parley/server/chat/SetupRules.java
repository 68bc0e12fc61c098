package dev.parley.server.chat;

import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest.FieldViolation;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.BargeInPolicy;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.Feedback;
import dev.parley.v1.HistoryTurn;
import dev.parley.v1.Rating;
import dev.parley.v1.Role;
import dev.parley.v1.UserMessage;
import java.util.ArrayList;
import java.util.List;

/** What setups and messages may hold, generation parameters aside, as chat.proto documents it. */
final class SetupRules {
  private static final int LONGEST_REQUEST_ID = 128;

  /** As chat.proto says: it is written to a file. */
  private static final int LONGEST_CORRECTION = 16_384;

  /** More than an error has room for. */
  private static final int MOST_PROBLEMS = 100;

  private SetupRules() {}

  /** Every problem of a setup. */
  static List<FieldViolation> problems(ChatSetup setup) {
    List<FieldViolation> problems = new ArrayList<>();
    if (setup.getModel().isBlank()) {
      add(
          problems,
          "setup.model",
          "is empty, but must name a model: name, name@version or name@alias");
    }
    for (int i = 0; i < setup.getHistoryCount() && problems.size() < MOST_PROBLEMS; i++) {
      HistoryTurn turn = setup.getHistory(i);
      if (turn.getRole() != Role.ROLE_USER && turn.getRole() != Role.ROLE_ASSISTANT) {
        add(
            problems,
            "setup.history[%d].role".formatted(i),
            "is %s, but must be ROLE_USER or ROLE_ASSISTANT".formatted(turn.getRole()));
      }
      if (turn.getRole() == Role.ROLE_USER && turn.getText().isEmpty()) {
        add(problems, "setup.history[%d].text".formatted(i), "is empty, but must be a text");
      }
    }
    if (setup.hasMaxQueueWait()
        && !(Durations.isValid(setup.getMaxQueueWait())
            && Durations.isPositive(setup.getMaxQueueWait()))) {
      add(problems, "setup.max_queue_wait", "is not a duration above 0");
    }
    if (setup.getBargeInPolicy() == BargeInPolicy.UNRECOGNIZED) {
      add(problems, "setup.barge_in_policy", "is unknown, but must be QUEUE or INTERRUPT");
    }
    if (setup.hasResumeHandle()) {
      add(
          problems,
          "setup.resume_handle",
          "names no conversation that this server can continue, for it gives out no handles; send the turns that were said as setup.history");
    }
    return problems;
  }

  /** Every problem of a message. */
  static List<FieldViolation> problems(UserMessage message) {
    List<FieldViolation> problems = new ArrayList<>();
    if (message.getText().isEmpty()) {
      add(problems, "message.text", "is empty, but must be a text");
    }
    int length = message.getRequestId().length();
    if (length > LONGEST_REQUEST_ID) {
      add(
          problems,
          "message.request_id",
          "has %d characters, but at most %d are allowed".formatted(length, LONGEST_REQUEST_ID));
    }
    return problems;
  }

  /** The part of a request id that is echoed. */
  static String echo(String requestId) {
    return requestId.length() <= LONGEST_REQUEST_ID
        ? requestId
        : requestId.substring(0, LONGEST_REQUEST_ID);
  }

  /** Every problem of feedback but that of its turn. */
  static List<FieldViolation> problems(Feedback feedback) {
    List<FieldViolation> problems = new ArrayList<>();
    Rating rating = feedback.getRating();
    int length = feedback.getCorrection().length();
    if (length > LONGEST_CORRECTION) {
      add(
          problems,
          "feedback.correction",
          "has %,d characters, but at most %,d are allowed".formatted(length, LONGEST_CORRECTION));
    }
    if (rating != Rating.RATING_GOOD && rating != Rating.RATING_BAD) {
      add(
          problems,
          "feedback.rating",
          "is %s, but must be RATING_GOOD or RATING_BAD".formatted(rating));
    }
    return problems;
  }

  private static void add(List<FieldViolation> problems, String field, String description) {
    problems.add(RpcException.violation(field, description));
  }
}
