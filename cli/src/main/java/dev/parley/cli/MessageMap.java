package dev.parley.cli;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A message of the contract as scripts like it: snake_case names, 64-bit numbers as numbers, enum
 * values without their prefix in lower case, durations in seconds. (Proto JSON writes 64-bit
 * numbers as strings.) Fields that carry no presence are always there.
 */
final class MessageMap {
  private MessageMap() {}

  /** A message as a JSON object with its type in front. */
  static Map<String, Object> of(String type, Message message) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("type", type);
    map.putAll(of(message));
    return map;
  }

  static Map<String, Object> of(Message message) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      if (field.isMapField()) {
        map.put(field.getName(), entries(field, message));
      } else if (field.isRepeated()) {
        List<?> elements = (List<?>) message.getField(field);
        map.put(field.getName(), elements.stream().map(MessageMap::value).toList());
      } else if (!field.hasPresence() || message.hasField(field)) {
        map.put(name(field), value(field, message.getField(field)));
      }
    }
    return map;
  }

  /** A field's name, with the unit where the value loses it. */
  private static String name(FieldDescriptor field) {
    boolean duration =
        field.getJavaType() == FieldDescriptor.JavaType.MESSAGE
            && field.getMessageType().equals(Duration.getDescriptor());
    return duration ? field.getName() + "_seconds" : field.getName();
  }

  private static Map<String, Object> entries(FieldDescriptor field, Message message) {
    Map<String, Object> map = new LinkedHashMap<>();
    FieldDescriptor key = field.getMessageType().findFieldByNumber(1);
    FieldDescriptor value = field.getMessageType().findFieldByNumber(2);
    for (Object entry : (List<?>) message.getField(field)) {
      Message pair = (Message) entry;
      map.put(String.valueOf(pair.getField(key)), value(pair.getField(value)));
    }
    return map;
  }

  private static Object value(FieldDescriptor field, Object value) {
    return field.getType() == FieldDescriptor.Type.UINT64 && (long) value < 0
        ? new BigInteger(Long.toUnsignedString((long) value))
        : value(value);
  }

  private static Object value(Object value) {
    if (value instanceof Duration duration) {
      return Durations.toNanos(duration) / 1e9;
    }
    if (value instanceof Timestamp timestamp) {
      return Timestamps.toString(timestamp);
    }
    if (value instanceof Message message) {
      return of(message);
    }
    if (value instanceof EnumValueDescriptor constant) {
      if (constant.getIndex() < 0) {
        return constant.getNumber(); // a newer server's: it has no name here
      }
      String prefix = constant.getType().getName().replaceAll("(?<=[a-z])(?=[A-Z])", "_") + "_";
      return constant.getName().substring(prefix.length()).toLowerCase(Locale.ROOT);
    }
    if (value instanceof ByteString bytes) {
      return bytes.toStringUtf8();
    }
    return value;
  }
}
