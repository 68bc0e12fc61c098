package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.parley.model.gpt2.Precision;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Greedy replies against Hugging Face's with the same checkpoint of four layers: alone; 32 in one
 * step; and among 31 neighbours that come and go at other times, with prompts read in pieces, over
 * memory that is too small for all, so that caches are evicted and turns preempted and read again.
 */
class IdentityTest {
  private static final int NEIGHBOURS = 31;

  /** In a step, 32 rows leave little for prompts; 32 conversations of about 40 tokens need more. */
  private static final EngineLimits CROWDED = new EngineLimits(40, 32, 700, 512, 64, 4);

  private static final EngineLimits ROOMY = new EngineLimits(512, 32, 10_000, 512, 64, 4);

  private static final JsonNode GOLDEN = golden();

  private record Opening(int[] prompt, List<Integer> reply) {}

  private static JsonNode golden() {
    try (InputStream in =
        Objects.requireNonNull(
            IdentityTest.class.getResourceAsStream("/golden/identity/replies.json"))) {
      return JsonMapper.shared().readTree(in);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static List<Integer> ids(JsonNode array) {
    return IntStream.range(0, array.size()).mapToObj(i -> array.get(i).intValue()).toList();
  }

  @ParameterizedTest
  @EnumSource(names = {"REFERENCE", "FP32", "FP16"})
  void replies_ownOpenings_areHuggingFacesAloneAndAmongOthers(Precision precision)
      throws Exception {
    List<Opening> openings = new ArrayList<>();
    for (JsonNode own : GOLDEN.get("own")) {
      int[] prompt = ids(own.get("prompt")).stream().mapToInt(Integer::intValue).toArray();
      openings.add(new Opening(prompt, ids(own.get("reply"))));
    }
    compare(precision, openings);
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "FP16"})
  @EnabledIfEnvironmentVariable(
      named = "PARLEY_SELF_DIALOGUE",
      matches = ".+",
      disabledReason =
          "needs the self-dialogue corpus: PARLEY_SELF_DIALOGUE names its valid.jsonl or"
              + " valid.jsonl.gz")
  void replies_twoHundredRealOpenings_areHuggingFacesAloneAndAmongOthers(
      Precision precision, @TempDir Path temporary) throws Exception {
    List<Opening> openings = new ArrayList<>();
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    Gpt2Vocabulary.write(temporary);
    try (Tokenizer tokenizer = Tokenizer.load(temporary);
        BufferedReader rows = open(Path.of(System.getenv("PARLEY_SELF_DIALOGUE")))) {
      for (JsonNode reply : GOLDEN.get("openings").get("replies")) {
        JsonNode row = JsonMapper.shared().readTree(rows.readLine());
        int[] prompt = tokenizer.encode(row.get("messages").get(0).get("content").asString());
        ByteBuffer bytes =
            ByteBuffer.allocate(4 * (prompt.length + 1)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(prompt).put(-1);
        digest.update(bytes);
        openings.add(new Opening(prompt, ids(reply)));
      }
    }
    assertThat(openings).hasSize(200);
    assertThat(HexFormat.of().formatHex(digest.digest()))
        .as("the openings that the golden replies answer")
        .isEqualTo(GOLDEN.get("openings").get("sha256").asString());

    compare(precision, openings);
  }

  private static BufferedReader open(Path file) throws IOException {
    InputStream bytes = Files.newInputStream(file);
    if (file.toString().endsWith(".gz")) {
      bytes = new GZIPInputStream(bytes);
    }
    return new BufferedReader(new InputStreamReader(bytes, StandardCharsets.UTF_8));
  }

  private static void compare(Precision precision, List<Opening> openings) throws Exception {
    assumeFalse(
        precision == Precision.FP16 && TinyModel.device().isGpu(),
        "the replies were made in fp32; on a GPU activations are fp16, too");
    crowded(precision, openings);
    together(precision, openings);
  }

  /** Always 32 at once: their tokens go through one matrix product. */
  private static void together(Precision precision, List<Opening> openings) throws Exception {
    Map<Integer, Integer> steps = new TreeMap<>();
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
            steps.merge(rows, 1, Integer::sum);
          }
        };
    try (ChatEngine engine = new ChatEngine(IdentityModel.decoder(precision), ROOMY, observer)) {
      for (int begin = 0; begin < openings.size(); begin += NEIGHBOURS + 1) {
        List<Conversation> conversations = new ArrayList<>();
        List<Reader> readers = new ArrayList<>();
        for (int i = begin; i <= begin + NEIGHBOURS; i++) {
          Conversation conversation = engine.open(() -> new int[0]);
          conversations.add(conversation);
          int[] prompt = openings.get(i % openings.size()).prompt();
          readers.add(say(conversation, prompt, new Reader()));
        }
        for (int i = 0; i <= NEIGHBOURS; i++) {
          assertReply(readers.get(i), openings, (begin + i) % openings.size(), "one of 32");
        }
        conversations.forEach(Conversation::close);
      }
    }
    assertThat(steps.getOrDefault(NEIGHBOURS + 1, 0))
        .as("steps of 32 rows, of %s", steps)
        .isGreaterThan(10);
  }

  private static void crowded(Precision precision, List<Opening> openings) throws Exception {
    Map<EngineObserver.EvictionReason, Integer> evicted =
        new EnumMap<>(EngineObserver.EvictionReason.class);
    int[] widest = {0};
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void evicted(EvictionReason reason, int tokens) {
            evicted.merge(reason, 1, Integer::sum);
          }

          @Override
          public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
            widest[0] = Math.max(widest[0], rows);
          }
        };
    try (ChatEngine engine = new ChatEngine(IdentityModel.decoder(precision), CROWDED, observer)) {
      for (int i = 0; i < openings.size(); i++) {
        Conversation alone = engine.open(() -> new int[0]);
        assertReply(say(alone, openings.get(i).prompt(), new Reader()), openings, i, "alone");
        alone.close();
      }
      Settled.await(engine);
      evicted.clear();
      amongOthers(engine, openings);
    }
    assertThat(widest[0]).as("rows in one step").isGreaterThan(8);
    assertThat(evicted.keySet())
        .contains(EngineObserver.EvictionReason.IDLE, EngineObserver.EvictionReason.PREEMPTED);
  }

  /** A queue of 32 conversations: when the oldest has its reply, the next opening joins. */
  private static void amongOthers(ChatEngine engine, List<Opening> openings) throws Exception {
    SplittableRandom random = new SplittableRandom(5);
    List<Conversation> conversations = new ArrayList<>();
    List<Reader> readers = new ArrayList<>();
    int rounds = Math.max(openings.size(), 2 * NEIGHBOURS);
    for (int i = 0; i < rounds + NEIGHBOURS; i++) {
      if (i < rounds) {
        Conversation conversation = engine.open(() -> new int[0]);
        conversations.add(conversation);
        Reader reader = i % 2 == 0 ? new Pausing() : new Reader();
        readers.add(say(conversation, openings.get(i % openings.size()).prompt(), reader));
        for (int steps = random.nextInt(2); steps > 0; steps--) {
          Settled.await(engine); // so that they join at different times
        }
      }
      if (i >= NEIGHBOURS) {
        int oldest = i - NEIGHBOURS;
        if (readers.get(oldest) instanceof Pausing pausing) {
          pausing.goOn();
          engine.wake();
        }
        assertReply(readers.get(oldest), openings, oldest % openings.size(), "among 31 others");
        if (oldest % 2 == 0) {
          conversations.get(oldest).close(); // the others stay idle until they are evicted
        }
      }
    }
    for (int i = 1; i < rounds; i += 2) {
      conversations.get(i).close();
    }
  }

  /** Takes three tokens, then none for a while: whoever needs its memory may have it. */
  private static final class Pausing extends Reader {
    private boolean paused;

    @Override
    public synchronized Stop token(int token) {
      super.token(token);
      if (tokens.size() == 3 && !paused) {
        ready = false;
      }
      return null;
    }

    synchronized void goOn() {
      paused = true;
      ready = true;
    }
  }

  private static Reader say(Conversation conversation, int[] message, Reader reader) {
    SamplingParameters greedy = SamplingParameters.greedy(GOLDEN.get("new_tokens").intValue());
    conversation.submit(
        () -> new TurnRequest(message, greedy, TurnRequest.NEVER, TurnRequest.NEVER), reader);
    return reader;
  }

  private static void assertReply(Reader reader, List<Opening> openings, int i, String how)
      throws Exception {
    reader.await();
    assertThat(reader.tokens())
        .as("reply to opening %d, %s", i, how)
        .isEqualTo(openings.get(i).reply());
  }
}
