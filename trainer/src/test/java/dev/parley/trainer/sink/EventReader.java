package dev.parley.trainer.sink;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads event files back: records with good checksums, scalars as {@code step tag value}. */
final class EventReader {
  private EventReader() {}

  static List<byte[]> records(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<byte[]> records = new ArrayList<>();
    while (bytes.hasRemaining()) {
      byte[] length = new byte[Long.BYTES];
      bytes.get(bytes.position(), length);
      byte[] data = new byte[(int) bytes.getLong()];
      check(bytes.getInt(), length);
      bytes.get(data);
      check(bytes.getInt(), data);
      records.add(data);
    }
    return records;
  }

  private static void check(int checksum, byte[] data) throws IOException {
    if (checksum != EventFile.maskedCrc(data, data.length)) {
      throw new IOException("a checksum is wrong");
    }
  }

  static List<String> lines(Path file) throws IOException {
    List<String> lines = new ArrayList<>();
    for (byte[] record : records(file)) {
      UnknownFieldSet event = parse(record);
      long step = event.getField(2).getVarintList().get(0);
      if (event.hasField(3)) {
        lines.add(step + " " + event.getField(3).getLengthDelimitedList().get(0).toStringUtf8());
      }
      if (event.hasField(7)) {
        lines.add(step + " restart");
      }
      if (event.hasField(5)) {
        UnknownFieldSet summary =
            parse(event.getField(5).getLengthDelimitedList().get(0).toByteArray());
        for (var value : summary.getField(1).getLengthDelimitedList()) {
          lines.add(step + " " + value(parse(value.toByteArray())));
        }
      }
    }
    return lines;
  }

  private static String value(UnknownFieldSet value) throws InvalidProtocolBufferException {
    String tag = value.getField(1).getLengthDelimitedList().get(0).toStringUtf8();
    if (value.hasField(2)) {
      return tag + " " + Float.intBitsToFloat(value.getField(2).getFixed32List().get(0));
    }
    UnknownFieldSet tensor = parse(value.getField(8).getLengthDelimitedList().get(0).toByteArray());
    return tensor.hasField(8)
        ? tag + " " + tensor.getField(8).getLengthDelimitedList().get(0).toStringUtf8()
        : tag;
  }

  private static UnknownFieldSet parse(byte[] bytes) throws InvalidProtocolBufferException {
    try {
      return UnknownFieldSet.newBuilder().mergeFrom(CodedInputStream.newInstance(bytes)).build();
    } catch (InvalidProtocolBufferException e) {
      throw e;
    } catch (IOException e) {
      throw new AssertionError(Arrays.toString(bytes), e);
    }
  }
}
