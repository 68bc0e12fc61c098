package dev.parley.trainer.data;

import dev.parley.model.registry.Direction;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;

/**
 * A conversation to learn from.
 *
 * @param turns at least two, oldest first
 */
public record Dialogue(List<Turn> turns) {
  /** Copies the turns. */
  public Dialogue {
    turns = List.copyOf(turns);
  }

  /** The turns in the order in which a model of a direction reads them. */
  public List<Turn> turns(Direction direction) {
    List<Turn> read = new ArrayList<>(turns);
    if (direction == Direction.BACKWARD) {
      Collections.reverse(read);
    }
    return read;
  }

  /** SHA-256 over speakers, texts and train flags: equal for equal dialogues alone. */
  byte[] digest() {
    MessageDigest digest = sha256();
    for (Turn turn : turns) {
      add(digest, turn.role());
      add(digest, turn.text());
      digest.update((byte) turn.train().map(train -> train ? 1 : 2).orElse(0).intValue());
    }
    return digest.digest();
  }

  /**
   * SHA-256 over dialogues in their order, in hexadecimal: the same for the same dialogues in
   * whichever format they were written.
   */
  public static String digest(List<Dialogue> dialogues) {
    MessageDigest digest = sha256();
    dialogues.forEach(dialogue -> digest.update(dialogue.digest()));
    return HexFormat.of().formatHex(digest.digest());
  }

  /** The length goes first, so that no two lists of texts give the same bytes. */
  private static void add(MessageDigest digest, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int shift = 24; shift >= 0; shift -= 8) {
      digest.update((byte) (bytes.length >>> shift));
    }
    digest.update(bytes);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }
}
