package dev.parley.server.rpc;

import com.google.protobuf.Message;
import com.google.rpc.BadRequest.FieldViolation;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How long an error may be. It travels in trailers, as a percent-encoded sentence and once more in
 * base64 with its details; a client whose limit of 8 KiB they exceed sees no error of ours at all.
 */
final class TrailerRoom {
  /** gRPC's usual limit of 8,192, less what other headers take. */
  private static final int ROOM = 6_800;

  private static final int ROOM_FOR_VIOLATIONS = 1_700;
  private static final int ROOM_FOR_DESCRIPTION = 1_000;
  private static final int ROOM_FOR_VALUE = 200;
  private static final double BASE64 = 4 / 3.0;

  private TrailerRoom() {}

  /** As many of the violations as have room, the first ones, shortened; at least one. */
  static List<FieldViolation> first(List<FieldViolation> violations) {
    List<FieldViolation> first = new ArrayList<>();
    int size = 0;
    for (FieldViolation whole : violations) {
      FieldViolation violation =
          whole.toBuilder()
              .setField(shorten(whole.getField(), ROOM_FOR_VALUE))
              .setDescription(shorten(whole.getDescription(), ROOM_FOR_DESCRIPTION))
              .build();
      size += violation.getSerializedSize();
      if (size > ROOM_FOR_VIOLATIONS && !first.isEmpty()) {
        break;
      }
      first.add(violation);
    }
    return first;
  }

  /** What is left for the sentence, as {@link #shorten} counts it. */
  static int forMessage(List<? extends Message> details) {
    int size = details.stream().mapToInt(Message::getSerializedSize).sum();
    return (int) ((ROOM - BASE64 * size) / (1 + BASE64));
  }

  /** Metadata with no value that takes much room. */
  static Map<String, String> shortened(Map<String, String> metadata) {
    Map<String, String> shortened = new LinkedHashMap<>();
    metadata.forEach((key, value) -> shortened.put(key, shorten(value, ROOM_FOR_VALUE)));
    return shortened;
  }

  /**
   * The beginning of a text, ended by … where something is missing.
   *
   * @param room for the percent-encoded text, in bytes
   */
  static String shorten(String text, int room) {
    int size = 0;
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      int codePoint = text.codePointAt(i);
      boolean plain = codePoint >= ' ' && codePoint < 0x7f && codePoint != '%';
      size += plain ? 1 : 3 * Character.toString(codePoint).getBytes(StandardCharsets.UTF_8).length;
      if (size > room) {
        return text.substring(0, i) + "…";
      }
    }
    return text;
  }
}
