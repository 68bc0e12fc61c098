package dev.parley.trainer.data;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What is in a data set, and what a training makes of it.
 *
 * @param dialogues how many there are
 * @param turns of all dialogues
 * @param turnsByRole how many each speaker has
 * @param flaggedTurns turns whose own train flag says whether they are learned
 * @param tokens of all turns, each with its end of text
 * @param turnsPerDialogue their distribution
 * @param tokensPerDialogue their distribution
 * @param tokensPerTurn their distribution
 * @param duplicateDialogues dialogues that are equal to an earlier one, word for word
 * @param repeatedTurns turns whose text an earlier turn has, in whichever dialogue
 * @param frequentTurns the texts that stand there most often, at most three
 * @param packed as sequences and batches
 */
public record DatasetStatistics(
    int dialogues,
    long turns,
    Map<String, Long> turnsByRole,
    long flaggedTurns,
    long tokens,
    Distribution turnsPerDialogue,
    Distribution tokensPerDialogue,
    Distribution tokensPerTurn,
    int duplicateDialogues,
    long repeatedTurns,
    List<Frequent> frequentTurns,
    Packed packed) {
  /** How a training would cut it. */
  public record Options(LabelPolicy labelPolicy, int maxLength, int batchSize, long seed) {}

  /** A text, and how many turns say it. */
  public record Frequent(String text, long turns) {}

  /**
   * A distribution of whole numbers; a percentile is the smallest number that so many of a hundred
   * are not above (nearest rank).
   */
  public record Distribution(
      int least, double mean, int median, int p90, int p95, int p99, int greatest) {
    static Distribution of(int[] numbers) {
      int[] sorted = numbers.clone();
      Arrays.sort(sorted);
      return new Distribution(
          sorted[0],
          Arrays.stream(sorted).average().orElse(0),
          rank(sorted, 50),
          rank(sorted, 90),
          rank(sorted, 95),
          rank(sorted, 99),
          sorted[sorted.length - 1]);
    }

    private static int rank(int[] sorted, int percent) {
      return sorted[Math.max(0, (int) Math.ceil(sorted.length * percent / 100.0) - 1)];
    }
  }

  /**
   * A data set as sequences of a maximum length and batches of a size.
   *
   * @param shortenedShare sequences that were shortened to the maximum length, of all
   * @param cutTurns learned turns that are longer than it by themselves and lose their end
   * @param targetShare learned tokens of all that are fed
   * @param bucketedPadding padding of all positions in batches of similar length, as a training
   *     makes them
   * @param shuffledPadding the same in batches of any length, each as long as its longest
   * @param fixedPadding the same where every sequence is padded to the maximum length
   */
  public record Packed(
      int sequences,
      double shortenedShare,
      int cutTurns,
      double targetShare,
      double bucketedPadding,
      double shuffledPadding,
      double fixedPadding) {}

  /**
   * Measures dialogues.
   *
   * @param dialogues at least one
   * @param encoder the tokens of a turn's text and the end of text after them
   * @throws IllegalArgumentException if nothing in them is learned
   */
  public static DatasetStatistics of(
      List<Dialogue> dialogues, Function<String, int[]> encoder, Options options) {
    Map<String, Long> roles = new TreeMap<>();
    Map<String, Long> texts = new HashMap<>();
    Set<ByteBuffer> different = new HashSet<>();
    List<Integer> turnLengths = new ArrayList<>();
    int[] dialogueLengths = new int[dialogues.size()];
    long flagged = 0;
    for (int i = 0; i < dialogueLengths.length; i++) {
      Dialogue dialogue = dialogues.get(i);
      different.add(ByteBuffer.wrap(dialogue.digest()));
      for (Turn turn : dialogue.turns()) {
        int length = encoder.apply(turn.text()).length;
        turnLengths.add(length);
        dialogueLengths[i] += length;
        flagged += turn.train().isPresent() ? 1 : 0;
        roles.merge(turn.role(), 1L, Long::sum);
        texts.merge(turn.text(), 1L, Long::sum);
      }
    }
    return new DatasetStatistics(
        dialogues.size(),
        turnLengths.size(),
        roles,
        flagged,
        Arrays.stream(dialogueLengths).asLongStream().sum(),
        Distribution.of(dialogues.stream().mapToInt(d -> d.turns().size()).toArray()),
        Distribution.of(dialogueLengths),
        Distribution.of(turnLengths.stream().mapToInt(Integer::intValue).toArray()),
        dialogues.size() - different.size(),
        turnLengths.size() - texts.size(),
        frequent(texts),
        packed(dialogues, encoder, options));
  }

  private static List<Frequent> frequent(Map<String, Long> texts) {
    return texts.entrySet().stream()
        .filter(entry -> entry.getValue() > 1)
        .sorted(
            Comparator.comparingLong((Map.Entry<String, Long> entry) -> -entry.getValue())
                .thenComparing(Map.Entry::getKey))
        .limit(3)
        .map(entry -> new Frequent(entry.getKey(), entry.getValue()))
        .toList();
  }

  private static Packed packed(
      List<Dialogue> dialogues, Function<String, int[]> encoder, Options options) {
    Sequences sequences =
        Sequences.encode(dialogues, encoder, options.labelPolicy(), options.maxLength());
    List<Sequence> list = sequences.list();
    double positions = (double) list.size() * options.maxLength();
    return new Packed(
        list.size(),
        sequences.shortenedShare(),
        sequences.cutTurns(),
        sequences.targetShare(),
        Batches.paddingShare(Batches.ofEpoch(list, options.batchSize(), options.seed(), 0)),
        Batches.paddingShare(Batches.shuffled(list, options.batchSize(), options.seed())),
        1 - sequences.tokens() / positions);
  }
}
