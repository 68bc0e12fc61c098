package dev.parley.trainer.eval;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * How generated replies look beside what people said, by the definitions of DialoGPT's evaluation
 * ({@code dstc/metrics.py} in microsoft/DialoGPT): words are what stands between white space,
 * counts go over all replies together.
 *
 * @param distinct1 different words of all words
 * @param distinct2 different word pairs of all word pairs
 * @param entropy4 of the distribution of four-word sequences, in nats
 * @param bleu2 BLEU (Papineni et al. 2002) up to word pairs, from 0 to 1
 * @param bleu4 the same up to four words
 * @param nist2 NIST (Doddington 2002) up to word pairs: matches weighted by what they tell
 * @param nist4 the same up to four words
 * @param meanLength words in a reply
 * @param replies how many there are
 */
public record GenerationMetrics(
    double distinct1,
    double distinct2,
    double entropy4,
    double bleu2,
    double bleu4,
    double nist2,
    double nist4,
    double meanLength,
    int replies) {
  /**
   * Measures replies.
   *
   * @param replies at least one; may be empty texts
   * @param references one for each reply
   */
  public static GenerationMetrics of(List<String> replies, List<String> references) {
    if (replies.isEmpty() || replies.size() != references.size()) {
      throw new IllegalArgumentException(
          "%d replies and %d references: expected as many of each, and at least one"
              .formatted(replies.size(), references.size()));
    }
    List<List<String>> words = replies.stream().map(GenerationMetrics::words).toList();
    List<List<String>> expected = references.stream().map(GenerationMetrics::words).toList();
    return new GenerationMetrics(
        distinct(words, 1),
        distinct(words, 2),
        entropy(words, 4),
        bleu(words, expected, 2),
        bleu(words, expected, 4),
        Nist.score(words, expected, 2),
        Nist.score(words, expected, 4),
        words.stream().mapToInt(List::size).average().orElse(0),
        replies.size());
  }

  static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    for (String word : text.strip().split("\\s+", -1)) {
      if (!word.isEmpty()) {
        words.add(word);
      }
    }
    return words;
  }

  static double distinct(List<List<String>> texts, int order) {
    HashSet<List<String>> different = new HashSet<>();
    long all = 0;
    for (List<String> text : texts) {
      List<List<String>> grams = grams(text, order);
      different.addAll(grams);
      all += grams.size();
    }
    return all == 0 ? 0 : (double) different.size() / all;
  }

  static double entropy(List<List<String>> texts, int order) {
    Map<List<String>, Integer> counts = new HashMap<>();
    texts.forEach(text -> count(counts, text, order));
    double all = counts.values().stream().mapToInt(Integer::intValue).sum();
    double entropy = 0;
    for (int count : counts.values()) {
      entropy -= count / all * Math.log(count / all);
    }
    return entropy;
  }

  /**
   * BLEU over all texts together. An order without a match counts as half a match, the next one as
   * a quarter, and so on, as the NIST script that DialoGPT used smooths it.
   */
  static double bleu(List<List<String>> texts, List<List<String>> references, int orders) {
    long length = texts.stream().mapToLong(List::size).sum();
    long referenceLength = references.stream().mapToLong(List::size).sum();
    if (length == 0) {
      return 0;
    }
    double logarithms = 0;
    double smoothing = 1;
    for (int order = 1; order <= orders; order++) {
      long matches = 0;
      long all = 0;
      for (int i = 0; i < texts.size(); i++) {
        Map<List<String>, Integer> allowed = new HashMap<>();
        count(allowed, references.get(i), order);
        Map<List<String>, Integer> found = new HashMap<>();
        count(found, texts.get(i), order);
        for (Map.Entry<List<String>, Integer> gram : found.entrySet()) {
          matches += Math.min(gram.getValue(), allowed.getOrDefault(gram.getKey(), 0));
          all += gram.getValue();
        }
      }
      if (all == 0) {
        return 0; // no reply is that long
      }
      if (matches == 0) {
        smoothing *= 2;
      }
      logarithms += Math.log(matches == 0 ? 1 / (smoothing * all) : (double) matches / all);
    }
    double brevity = Math.min(0, 1 - (double) referenceLength / length);
    return Math.exp(logarithms / orders + brevity);
  }

  static void count(Map<List<String>, Integer> counts, List<String> text, int order) {
    grams(text, order).forEach(gram -> counts.merge(gram, 1, Integer::sum));
  }

  static List<List<String>> grams(List<String> text, int order) {
    List<List<String>> grams = new ArrayList<>();
    for (int start = 0; start + order <= text.size(); start++) {
      grams.add(text.subList(start, start + order));
    }
    return grams;
  }
}
