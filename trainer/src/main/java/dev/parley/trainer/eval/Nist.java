package dev.parley.trainer.eval;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * NIST (Doddington 2002) as {@code mteval-v14c.pl}, the script of DialoGPT's evaluation, counts it
 * over all texts together. A matching sequence of words counts as many bits as its last word told
 * after the words before it, by the references' own counts: rare replies weigh more than "I don't
 * know".
 */
final class Nist {
  /** Texts that are two thirds as long as the references count half. */
  private static final double BREVITY = Math.log(0.5) / Math.pow(Math.log(1.5), 2);

  private Nist() {}

  /**
   * The sum over the orders from 1 on of information a sequence of that many words, times a penalty
   * for being shorter than the references.
   *
   * @param references one for each text
   */
  static double score(List<List<String>> texts, List<List<String>> references, int orders) {
    long length = texts.stream().mapToLong(List::size).sum();
    long referenceLength = references.stream().mapToLong(List::size).sum();
    if (length == 0 || referenceLength == 0) {
      return 0;
    }
    Map<List<String>, Integer> counts = new HashMap<>();
    for (int order = 1; order <= orders; order++) {
      for (List<String> reference : references) {
        GenerationMetrics.count(counts, reference, order);
      }
    }
    double score = 0;
    for (int order = 1; order <= orders; order++) {
      double bits = 0;
      long all = 0;
      for (int i = 0; i < texts.size(); i++) {
        Map<List<String>, Integer> allowed = new HashMap<>();
        GenerationMetrics.count(allowed, references.get(i), order);
        Map<List<String>, Integer> found = new HashMap<>();
        GenerationMetrics.count(found, texts.get(i), order);
        for (Map.Entry<List<String>, Integer> gram : found.entrySet()) {
          int matches = Math.min(gram.getValue(), allowed.getOrDefault(gram.getKey(), 0));
          if (matches > 0) {
            bits += matches * information(gram.getKey(), counts, referenceLength);
          }
          all += gram.getValue();
        }
      }
      score += all == 0 ? 0 : bits / all;
    }
    double ratio = Math.min(1, (double) length / referenceLength);
    return score * Math.exp(BREVITY * Math.pow(Math.log(ratio), 2));
  }

  /** Bits of a sequence that is in the references. */
  private static double information(
      List<String> gram, Map<List<String>, Integer> counts, long words) {
    List<String> before = gram.subList(0, gram.size() - 1);
    double possible = before.isEmpty() ? words : counts.getOrDefault(before, 0);
    return Math.log(possible / counts.getOrDefault(gram, 1)) / Math.log(2);
  }
}
