package dev.parley.server.engine;

import dev.parley.server.engine.Plan.Grant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What each row of a step reads: its share of the budget, and guesses where tokens are to spare.
 */
final class StepShares {
  /**
   * A prompt is begun beside replies only where it would not be read in smaller pieces than this.
   */
  private static final int PIECE = 16;

  private final EngineLimits limits;
  private final Seats seats;

  StepShares(EngineLimits limits, Seats seats) {
    this.limits = limits;
    this.seats = seats;
  }

  /**
   * Divides a step.
   *
   * @param rows running turns with room for all of their tokens, in the order of arrival
   */
  List<Grant> divide(List<ScheduledTurn> rows) {
    int[] shares =
        TokenBudget.divide(
            limits.stepTokens(),
            limits.promptTokens(),
            rows.stream().mapToInt(ScheduledTurn::pending).toArray());
    int spare =
        Math.min(limits.guessingTokens(), limits.stepTokens()) - Arrays.stream(shares).sum();
    List<Grant> grants = new ArrayList<>();
    for (int i = 0; i < shares.length; i++) {
      ScheduledTurn turn = rows.get(i);
      boolean sample = shares[i] == turn.pending();
      int guesses = turn.pending() == 1 ? guesses(turn, spare / (shares.length - i)) : 0;
      spare -= guesses;
      grants.add(
          new Grant(turn.id, turn.seat.conversation, turn.seat.cached, shares[i], sample, guesses));
    }
    return grants;
  }

  /**
   * Whether a prompt is better begun in this step than in a later one: beside replies, prompts that
   * are begun faster than they are read would all come late, and each costs a row in every step.
   *
   * @param rows of the step so far
   */
  boolean begins(ScheduledTurn turn, List<ScheduledTurn> rows) {
    List<ScheduledTurn> prompts = rows.stream().filter(row -> row.pending() > 1).toList();
    if (turn.pending() == 1 || prompts.isEmpty() || prompts.size() == rows.size()) {
      return true;
    }
    int pieces = prompts.stream().mapToInt(StepShares::piece).sum();
    return pieces + piece(turn) <= limits.promptTokens();
  }

  private static int piece(ScheduledTurn turn) {
    return Math.min(turn.pending(), PIECE);
  }

  /** How many guesses a reply may have read, with their room reserved; nobody is dropped for it. */
  private int guesses(ScheduledTurn turn, int most) {
    if (most <= 0) {
      return 0;
    }
    Seat seat = turn.seat;
    int guesses = Math.min(most, seat.guesses.next());
    int room = seats.reserved(seat) + seats.free();
    while (guesses > 0 && seats.room(seat, turn.tokens + guesses) > room) {
      guesses--;
    }
    seats.hold(seat, turn, turn.tokens + guesses);
    return guesses;
  }
}
