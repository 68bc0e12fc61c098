package dev.parley.trainer.sink;

import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import dev.parley.v1.JobStarted;
import java.util.Map;
import java.util.TreeMap;

/** What a job trains with, by the contract's names: numbers, booleans and words. */
final class Hyperparameters {
  private Hyperparameters() {}

  static Map<String, Object> of(JobStarted started) {
    Map<String, Object> values = new TreeMap<>();
    for (Map.Entry<FieldDescriptor, Object> field :
        started.getParameters().getAllFields().entrySet()) {
      values.put(field.getKey().getName(), plain(field.getKey(), field.getValue()));
    }
    values.put("training_dialogues", started.getTrainingDialogues());
    values.put("evaluation_dialogues", started.getEvaluationDialogues());
    values.put("total_steps", started.getTotalSteps());
    values.put("model_parameters", started.getModelParameters());
    return values;
  }

  private static Object plain(FieldDescriptor field, Object value) {
    if (value instanceof EnumValueDescriptor constant) {
      return constant.getName();
    }
    if (value instanceof Duration duration) {
      return Durations.toMillis(duration) / 1000.0;
    }
    if (field.getJavaType() == FieldDescriptor.JavaType.LONG) {
      return Long.toUnsignedString((Long) value); // a seed is a name, and no quantity
    }
    return value instanceof Number || value instanceof Boolean ? value : value.toString();
  }
}
