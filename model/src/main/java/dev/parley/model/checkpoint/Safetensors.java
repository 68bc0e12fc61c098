package dev.parley.model.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The header of a safetensors file, read as if it came from an enemy: 8 bytes with the header's
 * length (little-endian), the header (JSON), then the tensors' bytes without gap or overlap.
 *
 * <p>Source: github.com/huggingface/safetensors, README.md, section Format.
 */
final class Safetensors {
  /** The format's own limit. */
  private static final long LONGEST_HEADER = 100_000_000;

  private static final int MOST_TENSORS = 100_000;
  private static final int MOST_DIMENSIONS = 8;
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final Path file;

  /** One entry of the header; {@code begin} and {@code end} count from the data's start. */
  private record Span(String name, ElementType type, List<Long> shape, long begin, long end) {}

  private Safetensors(Path file) {
    this.file = file;
  }

  /**
   * The tensors of a file by name, in the header's order.
   *
   * @throws CheckpointException if the file breaks the format anywhere
   */
  static Map<String, StoredTensor> read(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return new Safetensors(file).read(channel);
    } catch (IOException e) {
      throw CheckpointException.io("read", file, e);
    }
  }

  private Map<String, StoredTensor> read(FileChannel channel) throws IOException {
    long size = channel.size();
    if (size < Long.BYTES) {
      throw problem("has %d bytes; a safetensors file has at least 8", size);
    }
    GitLfs.refusePointer(file, channel);
    long length = new ByteSource(channel, 0, Long.BYTES).i64();
    if (length < 0 || length > LONGEST_HEADER) {
      throw problem(
          "announces a header of %s bytes; at most %d are allowed: is it a safetensors file?",
          Long.toUnsignedString(length), LONGEST_HEADER);
    }
    long start = Long.BYTES + length;
    if (start > size) {
      throw problem("announces a header of %d bytes, but has only %d: truncated", length, size);
    }
    List<Span> spans = header(new ByteSource(channel, Long.BYTES, start));
    requireGapless(spans, size - start);
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (Span span : spans) {
      tensors.put(
          span.name(),
          StoredTensor.contiguous(
              span.name(), file, span.type(), start + span.begin(), span.shape()));
    }
    return tensors;
  }

  private List<Span> header(ByteSource source) {
    List<Span> spans = new ArrayList<>();
    try (JsonParser json = JSON.createParser(source)) {
      requireToken(json.nextToken(), JsonToken.START_OBJECT, "the header");
      while (json.nextToken() != JsonToken.END_OBJECT) {
        requireToken(json.currentToken(), JsonToken.PROPERTY_NAME, "the header");
        String name = json.currentName();
        json.nextToken();
        if (name.equals("__metadata__")) {
          json.skipChildren();
        } else if (spans.size() == MOST_TENSORS) {
          throw problem("has more than %d tensors", MOST_TENSORS);
        } else {
          spans.add(entry(name, json));
        }
      }
      if (json.nextToken() != null) {
        throw problem("has more than one JSON object in its header");
      }
    } catch (JacksonException e) {
      throw new CheckpointException(
          "%s: the header is not valid JSON: %s".formatted(file, e.getOriginalMessage()), e);
    }
    return spans;
  }

  private Span entry(String name, JsonParser json) {
    requireToken(json.currentToken(), JsonToken.START_OBJECT, "tensor " + name);
    Optional<ElementType> type = Optional.empty();
    Optional<List<Long>> shape = Optional.empty();
    Optional<List<Long>> offsets = Optional.empty();
    while (json.nextToken() != JsonToken.END_OBJECT) {
      requireToken(json.currentToken(), JsonToken.PROPERTY_NAME, "tensor " + name);
      String key = json.currentName();
      json.nextToken();
      switch (key) {
        case "dtype" -> type = Optional.of(type(name, json));
        case "shape" -> shape = Optional.of(numbers(name, key, json, MOST_DIMENSIONS));
        case "data_offsets" -> offsets = Optional.of(numbers(name, key, json, 2));
        default -> throw problem("tensor %s has the unknown key '%s'", name, key);
      }
    }
    return span(
        name,
        type.orElseThrow(() -> problem("tensor %s has no dtype", name)),
        shape.orElseThrow(() -> problem("tensor %s has no shape", name)),
        offsets.orElseThrow(() -> problem("tensor %s has no data_offsets", name)));
  }

  private Span span(String name, ElementType type, List<Long> shape, List<Long> offsets) {
    if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
      throw problem("tensor %s has data_offsets %s; expected [begin, end]", name, offsets);
    }
    long bytes = offsets.get(1) - offsets.get(0);
    long expected;
    try {
      expected = Math.multiplyExact(StoredTensor.elementCount(shape), (long) type.size());
    } catch (ArithmeticException e) {
      throw new CheckpointException(
          "%s: tensor %s has the impossible shape %s".formatted(file, name, shape), e);
    }
    if (bytes != expected) {
      throw problem(
          "tensor %s is %s %s, which takes %d bytes, but data_offsets %s give it %d",
          name, type, shape, expected, offsets, bytes);
    }
    return new Span(name, type, shape, offsets.get(0), offsets.get(1));
  }

  private ElementType type(String name, JsonParser json) {
    String text = json.getString();
    for (ElementType type : ElementType.values()) {
      if (type.name().equals(text)) {
        return type;
      }
    }
    throw problem("tensor %s has the unknown dtype '%s'", name, text);
  }

  private List<Long> numbers(String name, String key, JsonParser json, int most) {
    requireToken(json.currentToken(), JsonToken.START_ARRAY, key + " of tensor " + name);
    List<Long> numbers = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      requireToken(json.currentToken(), JsonToken.VALUE_NUMBER_INT, key + " of tensor " + name);
      long number = json.getLongValue(); // throws if it is too big
      if (number < 0) {
        throw problem("%s of tensor %s has %d; expected 0 or more", key, name, number);
      }
      if (numbers.size() == most) {
        throw problem("%s of tensor %s has more than %d numbers", key, name, most);
      }
      numbers.add(number);
    }
    return List.copyOf(numbers);
  }

  private void requireGapless(List<Span> spans, long room) {
    List<Span> sorted = new ArrayList<>(spans);
    sorted.sort(Comparator.comparingLong(Span::begin).thenComparingLong(Span::end));
    long end = 0;
    String last = "the header";
    for (Span span : sorted) {
      if (span.end() > room) {
        throw problem(
            "tensor %s ends at byte %d of the data, but the data has %d: truncated",
            span.name(), span.end(), room);
      }
      if (span.begin() < end) {
        throw problem(
            "tensor %s begins at byte %d of the data and overlaps %s, which ends at %d",
            span.name(), span.begin(), last, end);
      }
      if (span.begin() > end) {
        throw problem(
            "bytes %d to %d of the data, before %s, belong to no tensor",
            end, span.begin(), span.name());
      }
      end = span.end();
      last = span.name();
    }
    if (end < room) {
      throw problem("the last %d bytes belong to no tensor", room - end);
    }
  }

  private void requireToken(JsonToken found, JsonToken wanted, String what) {
    if (found != wanted) {
      throw problem("%s is not as expected: %s in place of %s", what, found, wanted);
    }
  }

  private CheckpointException problem(String text, Object... arguments) {
    return CheckpointException.in(file, text, arguments);
  }
}
