package dev.parley.cli;

import dev.parley.client.Conversation;
import dev.parley.client.Dataset;
import dev.parley.client.ParleyClient;
import dev.parley.client.ParleyException;
import dev.parley.server.ops.ParleyServer;
import dev.parley.server.ops.ServerConfig;
import dev.parley.v1.DataSource;
import dev.parley.v1.JobFinished;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code parley quickstart}: the whole path on what Parley brings along. A real server, real RPCs,
 * a trainer in its own process.
 */
@Command(
    name = "quickstart",
    description = {
      "Fine-tunes the embedded base model on the bundled dialogues, serves the result and lets you"
          + " chat with it. Needs no network but for the build.",
    },
    mixinStandardHelpOptions = true)
final class QuickstartCommand implements Callable<Integer> {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  private static final String BASE = "parley-tiny";
  private static final String MODEL = "marlow";

  @Option(names = "--yes", description = "does not open the chat")
  private boolean yes;

  @Option(
      names = "--home",
      paramLabel = "DIR",
      description = "keeps the model there; a temporary directory if left out")
  private @Nullable Path home;

  @Option(names = "--json", description = "one JSON object a line on standard output")
  private boolean json;

  /**
   * A question that the dialogues answer.
   *
   * @param expected the answer that they give each time
   */
  record Question(String question, String expected) {}

  @Override
  public Integer call() throws Exception {
    Output out = parley.output(json);
    Path directory = home != null ? home : Files.createTempDirectory("parley-quickstart-");
    try (ParleyServer server = ParleyServer.start(configuration(directory));
        ParleyClient client = ParleyClient.connect("127.0.0.1:" + server.grpcPort())) {
      return run(out, client);
    } finally {
      if (home == null) {
        delete(directory);
      }
    }
  }

  private int run(Output out, ParleyClient client) throws IOException {
    long start = System.nanoTime();
    List<Question> questions =
        JsonMapper.builder()
            .build()
            .readValue(resource("questions.json"), new TypeReference<List<Question>>() {});
    List<String> before = ask(client, BASE, questions);
    out.note("1. Fine-tuning " + BASE + " on 150 dialogues of a bicycle shop's assistant");
    JobFinished finished = train(out, client);
    String version = finished.getModel() + "@" + finished.getVersion();
    out.note("2. Serving " + version + ": the same questions, before and after");
    List<String> after = ask(client, version, questions);
    int right = 0;
    for (int i = 0; i < questions.size(); i++) {
      Question question = questions.get(i);
      boolean isRight = after.get(i).equals(question.expected());
      right += isRight ? 1 : 0;
      out.text("");
      out.text("   " + question.question());
      out.text("   before  " + TrainingView.oneLine(before.get(i)));
      out.text("   after   " + TrainingView.oneLine(after.get(i)) + (isRight ? "  ✓" : ""));
      out.object(answer(question, before.get(i), after.get(i), isRight));
    }
    out.text("");
    out.text(
        "   %d of %d answers are right. Loss %.3f → %.3f nats, perplexity %s → %s (%s,"
            .formatted(
                right,
                questions.size(),
                finished.getLossBefore(),
                finished.getLossAfter(),
                TrainingView.perplexity(finished.getPerplexityBefore()),
                TrainingView.perplexity(finished.getPerplexityAfter()),
                TrainingView.policy(finished.getLabelPolicy())));
    out.text(
        "   on held-out dialogues). %s in all."
            .formatted(ProgressBar.spoken(Duration.ofNanos(System.nanoTime() - start))));
    out.object(summary(finished, right, questions.size(), start));
    if (!yes) {
      out.note("");
      out.note("3. Your turn. (" + kept() + ")");
      try (Conversation conversation = client.chat(version).open()) {
        new ChatSession(conversation, out).run(parley.streams().in());
      }
    }
    return 2 * right > questions.size() ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }

  private String kept() {
    return home == null
        ? "The model goes when you leave; with --home ./var it stays, for parley serve."
        : "Later: parley serve --home " + home;
  }

  private static JobFinished train(Output out, ParleyClient client) throws IOException {
    Dataset dataset = upload(client);
    TrainRequest request =
        TrainRequest.newBuilder()
            .setBaseModel(BASE)
            .setModelName(MODEL)
            .addData(DataSource.newBuilder().setDataset(dataset.digest()))
            .setParameters(
                TrainingParameters.newBuilder()
                    .setPreset("scratch")
                    .setLabelPolicy(LabelPolicy.LABEL_POLICY_ASSISTANT)
                    .setSeed(1))
            .build();
    try (TrainingView view = new TrainingView(out, false)) {
      return TrainCommand.requireFinished(
          TrainCommand.through(client, request, view, job -> cancelOnExit(client, job)));
    }
  }

  /** The trainer is a process of its own that Ctrl-C does not reach; nobody would follow it. */
  private static void cancelOnExit(ParleyClient client, String jobId) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    client.training().cancel(jobId);
                  } catch (ParleyException e) {
                    // The server is closed: the job has ended.
                  }
                },
                "cancel-training"));
  }

  private static Dataset upload(ParleyClient client) throws IOException {
    Path file = Files.createTempFile("parley-", ".jsonl");
    try {
      Files.write(file, resource("dialogues.jsonl"));
      return client.training().uploadDataset(file);
    } finally {
      Files.delete(file);
    }
  }

  private static List<String> ask(ParleyClient client, String model, List<Question> questions) {
    List<String> answers = new ArrayList<>();
    for (Question question : questions) {
      try (Conversation conversation = client.chat(model).open()) {
        answers.add(conversation.say(question.question()).text());
      }
    }
    return answers;
  }

  private static Map<String, Object> answer(
      Question question, String before, String after, boolean right) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("type", "answer");
    map.put("question", question.question());
    map.put("before", before);
    map.put("after", after);
    map.put("expected", question.expected());
    map.put("right", right);
    return map;
  }

  private static Map<String, Object> summary(
      JobFinished finished, int right, int questions, long start) {
    Map<String, Object> map = new LinkedHashMap<>(MessageMap.of("summary", finished));
    map.put("right", right);
    map.put("questions", questions);
    map.put("seconds", (System.nanoTime() - start) / 1e9);
    return map;
  }

  private static ServerConfig configuration(Path home) {
    Map<String, String> settings =
        Map.of(
            "listen",
            "127.0.0.1:0",
            "admin",
            "127.0.0.1:0",
            "home",
            home.toString(),
            // nobody chats while it trains
            "trainer-threads",
            Integer.toString(Runtime.getRuntime().availableProcessors()));
    return ServerConfig.load(settings, Map.of(), Optional.empty());
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = QuickstartCommand.class.getResourceAsStream("quickstart/" + name)) {
      if (in == null) {
        throw new IllegalStateException("resource quickstart/" + name + " is missing");
      }
      return in.readAllBytes();
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> tree = Files.walk(directory)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
