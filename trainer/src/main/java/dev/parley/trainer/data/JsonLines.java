package dev.parley.trainer.data;

import dev.parley.model.text.Utf8;
import java.io.IOException;
import java.io.Serial;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.core.json.JsonFactory;

/** One JSON object a line: chat messages, or ShareGPT's conversations. Other keys are skipped. */
final class JsonLines implements DialogueReader.Format {
  private static final String SHAPES =
      "{\"messages\":[{\"role\":…,\"content\":…}]} or {\"conversations\":[{\"from\":…,\"value\":…}]}";

  private final JsonFactory factory =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** How a list of turns spells its keys. */
  private enum Shape {
    MESSAGES("messages", "role", "content"),
    CONVERSATIONS("conversations", "from", "value");

    final String list;
    final String role;
    final String text;

    Shape(String list, String role, String text) {
      this.list = list;
      this.role = role;
      this.text = text;
    }
  }

  /** What is wrong with a line. */
  private static final class Wrong extends Exception {
    @Serial private static final long serialVersionUID = 1;
    final int column;

    Wrong(JsonParser parser, String message) {
      super(message);
      this.column = parser.currentTokenLocation().getColumnNr();
    }
  }

  @Override
  public void read(LineReader lines, Problems problems, Consumer<Dialogue> sink)
      throws IOException {
    String line;
    while (!problems.full() && (line = lines.next()) != null) {
      if (line.isBlank()) {
        continue;
      }
      try (JsonParser parser = factory.createParser(ObjectReadContext.empty(), line)) {
        sink.accept(dialogue(parser, problems));
      } catch (Wrong e) {
        problems.add(lines.line(), e.column, String.valueOf(e.getMessage()));
      } catch (UnexpectedEndOfInputException e) {
        problems.add(
            lines.line(),
            line.length() + 1,
            "the line ends within the JSON; expected the whole object on one line: " + SHAPES);
      } catch (JacksonException e) {
        int column = e.getLocation() == null ? 0 : e.getLocation().getColumnNr();
        problems.add(
            lines.line(), column, "broken JSON: %s; expected %s".formatted(cause(e), SHAPES));
      }
    }
  }

  private static String cause(JacksonException e) {
    String message = e.getOriginalMessage();
    int detail = message.indexOf('\n');
    int advice = message.indexOf(": enable `"); // to programmers
    int end = advice < 0 ? detail : advice;
    return end < 0 ? message : message.substring(0, end);
  }

  private static Dialogue dialogue(JsonParser parser, Problems problems) throws Wrong {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw new Wrong(parser, "found %s, expected %s".formatted(found(parser), SHAPES));
    }
    List<Turn> turns = null;
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      Shape shape = shape(parser.currentName());
      parser.nextToken();
      if (shape == null) {
        problems.ignore(parser.currentName());
        parser.skipChildren();
      } else if (turns == null) {
        turns = turns(parser, shape, problems);
      } else {
        throw new Wrong(parser, "both messages and conversations are given; expected one of them");
      }
    }
    if (parser.nextToken() != null) {
      throw new Wrong(
          parser,
          "found %s after the object, expected the end of the line".formatted(found(parser)));
    }
    if (turns == null) {
      throw new Wrong(parser, "neither messages nor conversations is there; expected " + SHAPES);
    }
    if (turns.size() < 2) {
      throw new Wrong(
          parser,
          "the dialogue has %s, expected at least 2"
              .formatted(turns.size() == 1 ? "1 turn" : "no turns"));
    }
    return new Dialogue(turns);
  }

  private static @Nullable Shape shape(String key) {
    for (Shape shape : Shape.values()) {
      if (shape.list.equals(key)) {
        return shape;
      }
    }
    return null;
  }

  private static List<Turn> turns(JsonParser parser, Shape shape, Problems problems) throws Wrong {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw new Wrong(parser, "%s is %s, expected a list".formatted(shape.list, found(parser)));
    }
    List<Turn> turns = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      String place = "%s[%d]".formatted(shape.list, turns.size());
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw new Wrong(
            parser,
            "%s is %s, expected {\"%s\":…,\"%s\":…}"
                .formatted(place, found(parser), shape.role, shape.text));
      }
      turns.add(turn(parser, shape, place, problems));
    }
    return turns;
  }

  private static Turn turn(JsonParser parser, Shape shape, String place, Problems problems)
      throws Wrong {
    String role = null;
    String text = null;
    Optional<Boolean> train = Optional.empty();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      parser.nextToken();
      if (key.equals(shape.role)) {
        role = text(parser, place + "." + key);
      } else if (key.equals(shape.text)) {
        text = text(parser, place + "." + key);
      } else if (key.equals("train")) {
        train = Optional.of(flag(parser, place));
      } else {
        problems.ignore(shape.list + "[]." + key);
        parser.skipChildren();
      }
    }
    if (role == null || text == null) {
      throw new Wrong(
          parser,
          "%s has no %s, expected {\"%s\":…,\"%s\":…}"
              .formatted(place, role == null ? shape.role : shape.text, shape.role, shape.text));
    }
    return new Turn(speaker(role), text, train);
  }

  private static String text(JsonParser parser, String place) throws Wrong {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw new Wrong(parser, "%s is %s, expected a text".formatted(place, found(parser)));
    }
    String text = parser.getString();
    if (text.isBlank()) {
      throw new Wrong(parser, place + " is empty, expected a text");
    }
    int unpaired = Utf8.unpairedSurrogate(text, 0);
    if (unpaired >= 0) {
      throw new Wrong(
          parser,
          "%s has \\u%04x as its character %d, which is half of a surrogate pair; write the character as UTF-8, or both halves"
              .formatted(place, (int) text.charAt(unpaired), unpaired + 1));
    }
    return text;
  }

  private static boolean flag(JsonParser parser, String place) throws Wrong {
    return switch (parser.currentToken()) {
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      default ->
          throw new Wrong(
              parser, "%s.train is %s, expected true or false".formatted(place, found(parser)));
    };
  }

  /** ShareGPT's names for the two speakers become ours. */
  private static String speaker(String role) {
    return switch (role.strip().toLowerCase(Locale.ROOT)) {
      case "human", "user" -> Turn.USER;
      case "gpt", "chatgpt", "bot", "model", "assistant" -> Turn.ASSISTANT;
      default -> role;
    };
  }

  private static String found(JsonParser parser) {
    JsonToken token = parser.currentToken();
    if (token == null) {
      return "nothing";
    }
    return switch (token) {
      case START_OBJECT, END_OBJECT -> "an object";
      case START_ARRAY, END_ARRAY -> "a list";
      case VALUE_STRING -> "a text";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "the number " + parser.getString();
      case VALUE_TRUE -> "true";
      case VALUE_FALSE -> "false";
      case VALUE_NULL -> "null";
      case PROPERTY_NAME -> "a key";
      case NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT -> "something else";
    };
  }
}
