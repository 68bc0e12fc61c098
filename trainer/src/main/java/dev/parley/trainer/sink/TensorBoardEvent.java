package dev.parley.trainer.sink;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.util.Timestamps;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * TensorBoard's messages, field by field: their definitions are not on our class path, and a few
 * fields are all that is needed. Source: github.com/tensorflow/tensorboard,
 * compat/proto/event.proto, summary.proto, tensor.proto; plugins/hparams/plugin_data.proto,
 * plugins/text.
 */
final class TensorBoardEvent {
  private static final int DATA_CLASS_TENSOR = 2;
  private static final int DT_FLOAT = 1;
  private static final int DT_STRING = 7;
  private static final int SESSION_START = 1;

  private TensorBoardEvent() {}

  /** Writes the fields of a message. */
  private interface Fields {
    void write(CodedOutputStream out) throws IOException;
  }

  /** The first event of a file. */
  static byte[] fileVersion(double seconds) {
    return event(seconds, 0, out -> out.writeString(3, "brain.Event:2"));
  }

  /** Says that what was written of a step and those after it is superseded. */
  static byte[] restart(double seconds, long step) {
    byte[] session = message(out -> out.writeEnum(1, SESSION_START));
    return event(seconds, step, out -> out.writeByteArray(7, session));
  }

  /** Several scalars of one step. */
  static byte[] scalars(double seconds, long step, Map<String, Double> valueByTag) {
    byte[] summary =
        message(
            out -> {
              for (Map.Entry<String, Double> scalar : valueByTag.entrySet()) {
                out.writeByteArray(
                    1,
                    message(
                        value -> {
                          value.writeString(1, scalar.getKey());
                          value.writeFloat(2, scalar.getValue().floatValue());
                        }));
              }
            });
    return event(seconds, step, out -> out.writeByteArray(5, summary));
  }

  /** A text in Markdown. */
  static byte[] text(double seconds, long step, String tag, String markdown) {
    byte[] tensor =
        message(
            out -> {
              out.writeEnum(1, DT_STRING);
              out.writeByteArray(2, shapeOfOne());
              out.writeByteArray(8, markdown.getBytes(StandardCharsets.UTF_8));
            });
    return summary(seconds, step, tag, plugin("text", new byte[0]), tensor);
  }

  /** The hyper-parameters of a run. Numbers, booleans and words. */
  static byte[] sessionStart(double seconds, Map<String, Object> parameters) {
    byte[] start =
        message(
            out -> {
              for (Map.Entry<String, Object> parameter : parameters.entrySet()) {
                out.writeByteArray(
                    1,
                    message(
                        entry -> {
                          entry.writeString(1, parameter.getKey());
                          entry.writeByteArray(2, value(parameter.getValue()));
                        }));
              }
              out.writeDouble(5, seconds);
            });
    return hyperParameters(seconds, "_hparams_/session_start_info", 3, start);
  }

  /** How a run ended. */
  static byte[] sessionEnd(double seconds, boolean success) {
    byte[] end =
        message(
            out -> {
              out.writeEnum(1, success ? 1 : 2);
              out.writeDouble(2, seconds);
            });
    return hyperParameters(seconds, "_hparams_/session_end_info", 4, end);
  }

  private static byte[] hyperParameters(double seconds, String tag, int field, byte[] data) {
    byte[] content = message(out -> out.writeByteArray(field, data));
    byte[] nothing =
        message(
            out -> {
              out.writeEnum(1, DT_FLOAT);
              out.writeByteArray(2, shapeOfOne());
              out.writeByteArray(5, new byte[Float.BYTES]); // packed: one zero
            });
    return summary(seconds, 0, tag, plugin("hparams", content), nothing);
  }

  private static byte[] summary(
      double seconds, long step, String tag, byte[] metadata, byte[] tensor) {
    byte[] value =
        message(
            out -> {
              out.writeString(1, tag);
              out.writeByteArray(8, tensor);
              out.writeByteArray(9, metadata);
            });
    byte[] summary = message(out -> out.writeByteArray(1, value));
    return event(seconds, step, out -> out.writeByteArray(5, summary));
  }

  private static byte[] plugin(String name, byte[] content) {
    byte[] data =
        message(
            out -> {
              out.writeString(1, name);
              out.writeByteArray(2, content);
            });
    return message(
        out -> {
          out.writeByteArray(1, data);
          out.writeEnum(4, DATA_CLASS_TENSOR);
        });
  }

  private static byte[] shapeOfOne() {
    byte[] one = message(out -> out.writeInt64(1, 1));
    return message(out -> out.writeByteArray(2, one));
  }

  /** A google.protobuf.Value. */
  private static byte[] value(Object value) {
    return message(
        out -> {
          if (value instanceof Number number) {
            out.writeDouble(2, number.doubleValue());
          } else if (value instanceof Boolean truth) {
            out.writeBool(4, truth);
          } else {
            out.writeString(3, value.toString());
          }
        });
  }

  private static byte[] event(double seconds, long step, Fields what) {
    return message(
        out -> {
          out.writeDouble(1, seconds);
          out.writeInt64(2, step);
          what.write(out);
        });
  }

  private static byte[] message(Fields fields) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      fields.write(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail
    }
    return bytes.toByteArray();
  }

  /** Seconds since 1970, as TensorBoard counts. */
  static double seconds(com.google.protobuf.Timestamp time) {
    return Timestamps.toMillis(time) / 1000.0;
  }
}
