package dev.parley.server.bench;

import java.util.List;
import java.util.SplittableRandom;

/** Messages of a known number of tokens, in words that are one token of GPT-2's vocabulary each. */
final class Words {
  private static final List<String> COMMON =
      List.of(
          ("the time people year way day man thing woman life child world school family student"
                  + " group country problem hand part place case week company system program question"
                  + " work government number night point home water room mother area money story fact"
                  + " month lot right study book eye job word business issue side kind head house"
                  + " service friend father power hour game line end member law car city community")
              .split(" "));

  private Words() {}

  /** A text of so many tokens. */
  static String message(SplittableRandom random, int tokens) {
    StringBuilder text = new StringBuilder("Hello");
    for (int i = 1; i < tokens; i++) {
      text.append(' ').append(COMMON.get(random.nextInt(COMMON.size())));
    }
    return text.toString();
  }
}
