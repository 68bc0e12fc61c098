package dev.parley.server.engine;

import java.util.Arrays;

/** How the tokens of one step are divided. */
final class TokenBudget {
  private TokenBudget() {}

  /**
   * Who reads one token gets it; the others get equal shares of the rest, and in a second round, in
   * order, what short prompts left over.
   *
   * @param budget at least as many tokens as there are rows
   * @param besideReplies the most that prompts get of it where another row reads one token; each
   *     gets one in any case
   * @param pending what each row has to read, at least 1
   * @return what each row reads now, at least 1
   */
  static int[] divide(int budget, int besideReplies, int[] pending) {
    int[] shares = new int[pending.length];
    int left = budget;
    int prompts = 0;
    for (int i = 0; i < pending.length; i++) {
      if (pending[i] == 1) {
        shares[i] = 1;
        left--;
      } else {
        prompts++;
      }
    }
    if (prompts < pending.length) {
      left = Math.min(left, Math.max(besideReplies, prompts));
    }
    int most = pending.length - prompts + left;
    int equal = prompts == 0 ? 0 : left / prompts;
    for (int i = 0; i < pending.length; i++) {
      shares[i] = Math.max(shares[i], Math.min(equal, pending[i]));
    }
    left = most - Arrays.stream(shares).sum();
    for (int i = 0; i < pending.length; i++) {
      int more = Math.min(left, pending[i] - shares[i]);
      shares[i] += more;
      left -= more;
    }
    return shares;
  }
}
