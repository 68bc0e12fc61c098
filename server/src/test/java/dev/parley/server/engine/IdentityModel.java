package dev.parley.server.engine;

import ai.djl.ndarray.NDArray;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The random checkpoint of {@code golden/identity/make_replies.py}, number by number. All weights
 * of projections fit into fp16 exactly, so that replies in fp16 and in fp32 are the same.
 */
final class IdentityModel {
  private static final long SEED = 3;

  private IdentityModel() {}

  static Gpt2Decoder decoder(Precision precision) {
    Torch.setThreads(1);
    Gpt2Config config =
        new Gpt2Config(
            Gpt2Config.GPT2_VOCABULARY_SIZE,
            160,
            64,
            4,
            4,
            1e-5,
            0.02,
            0,
            Gpt2Config.GPT2_VOCABULARY_SIZE - 1);
    Gpt2Weights weights = Gpt2Weights.random(config, 1, Torch.newScope(TinyModel.device()));
    for (int i = 0; i < weights.arrays().size(); i++) {
      fill(weights.arrays().get(i), i, weights.arrays().size());
    }
    return Gpt2Decoder.load(weights, precision);
  }

  /** The order: two embeddings, twelve tensors a layer, the last LayerNorm. */
  private static void fill(NDArray array, int tensor, int tensors) {
    int inLayer = tensor < 2 ? -1 : (tensor - 2) % 12;
    boolean layerNorm = inLayer == 0 || inLayer == 6 || tensor == tensors - 2;
    float scale = tensor < 2 ? 1 : array.getShape().dimension() == 1 ? 4 : 2;
    int count = Math.toIntExact(array.size());
    ByteBuffer bytes = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
    for (int i = 0; i < count; i++) {
      bytes.putFloat((layerNorm ? 1 : 0) + number(tensor, i) / scale);
    }
    array.set(bytes.flip());
  }

  /** An odd multiple of 1/1024 between -1 and 1. */
  private static float number(int tensor, int index) {
    long z = (index + (SEED << 48) + ((long) tensor << 32) + 1) * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    z ^= z >>> 31;
    return (2 * (z >>> 54) - 1023) / 1024f;
  }
}
