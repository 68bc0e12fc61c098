package dev.parley.model.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The index of a checkpoint in several safetensors files: which tensor is in which. */
public final class ShardIndex {
  private static final long LONGEST = 64 << 20;
  private static final Pattern SHARD = Pattern.compile("[A-Za-z0-9_.-]+\\.safetensors");
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private ShardIndex() {}

  /**
   * The names of the files that hold the tensors; they need not be there.
   *
   * @throws CheckpointException if the index is damaged
   */
  public static SortedSet<String> shards(Path index) {
    SortedSet<String> names = new TreeSet<>();
    weightMap(index).properties().forEach(entry -> names.add(shard(index, entry)));
    return names;
  }

  /**
   * The tensors of all shards by name.
   *
   * @param index lies beside the shards
   * @throws CheckpointException if a shard is missing, damaged or lacks a tensor of the index
   */
  static Map<String, StoredTensor> read(Path index) {
    Map<String, Map<String, StoredTensor>> shards = new HashMap<>();
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : weightMap(index).properties()) {
      String name = shard(index, entry);
      StoredTensor tensor =
          shards
              .computeIfAbsent(name, shard -> Safetensors.read(index.resolveSibling(shard)))
              .get(entry.getKey());
      if (tensor == null) {
        throw CheckpointException.in(
            index, "weight_map has %s in %s, but it is not there", entry.getKey(), name);
      }
      tensors.put(entry.getKey(), tensor);
    }
    return tensors;
  }

  private static JsonNode weightMap(Path index) {
    JsonNode map = parse(index).path("weight_map");
    if (!map.isObject()) {
      throw CheckpointException.in(index, "has no object weight_map");
    }
    return map;
  }

  private static String shard(Path index, Map.Entry<String, JsonNode> entry) {
    String name = entry.getValue().asString("");
    if (!SHARD.matcher(name).matches()) {
      throw CheckpointException.in(
          index,
          "weight_map has %s for %s; expected the name of a .safetensors file beside it",
          entry.getValue(),
          entry.getKey());
    }
    return name;
  }

  private static JsonNode parse(Path index) {
    try {
      if (Files.size(index) > LONGEST) {
        throw CheckpointException.in(
            index, "has %d bytes; at most %d are allowed", Files.size(index), LONGEST);
      }
      return JSON.readTree(Files.readAllBytes(index));
    } catch (IOException e) {
      throw CheckpointException.io("read", index, e);
    } catch (JacksonException e) {
      throw new CheckpointException(
          "%s is not valid JSON: %s".formatted(index, e.getOriginalMessage()), e);
    }
  }
}
