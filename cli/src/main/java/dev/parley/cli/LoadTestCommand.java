package dev.parley.cli;

import dev.parley.loadtest.Load;
import dev.parley.loadtest.LoadResult;
import dev.parley.loadtest.LoadTest;
import dev.parley.loadtest.LoadTestOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley loadtest}: what users of a running server would feel. */
@Command(
    name = "loadtest",
    description = "Drives a running server over gRPC and reports latencies, rates and errors.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class LoadTestCommand implements Callable<Integer> {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      converter = ServerAddress.class,
      defaultValue = "127.0.0.1:50051",
      description = "gRPC address (${DEFAULT-VALUE})")
  private String server = "";

  @Option(names = "--model", required = true, paramLabel = "NAME[@VERSION|@ALIAS]")
  private String model = "";

  @Option(
      names = "--streams",
      split = ",",
      paramLabel = "N",
      description = "conversations at once; several points with commas (1,4,16 if left out)")
  private List<Integer> streams = new ArrayList<>();

  @Option(
      names = "--rate",
      split = ",",
      paramLabel = "PER_SECOND",
      description = "conversations that arrive a second, whether the server keeps up or not")
  private List<Double> rates = new ArrayList<>();

  @Option(names = "--conversations", description = "in all, at each point")
  private @Nullable Integer conversations;

  @Option(names = "--turns", description = "in each conversation")
  private @Nullable Integer turns;

  @Option(names = "--think-seconds", description = "between a reply and the next message")
  private @Nullable Double thinkSeconds;

  @Option(names = "--messages", paramLabel = "FILE", description = "one message a line")
  private @Nullable Path messages;

  @Option(names = "--interrupt-share", description = "of replies, after their first piece")
  private @Nullable Double interruptShare;

  @Option(
      names = "--cancel-share",
      description = "of conversations, after the first piece of one of their replies")
  private @Nullable Double cancelShare;

  @Option(
      names = "--slow-readers",
      paramLabel = "SHARE",
      description = "of conversations that wait before each piece; their times are not counted")
  private @Nullable Double slowReaders;

  @Option(
      names = "--read-pause-seconds",
      defaultValue = "1",
      description = "that slow readers wait before each piece (${DEFAULT-VALUE})")
  private double readPauseSeconds;

  @Option(
      names = "--overload",
      paramLabel = "FACTOR",
      description = {
        "one more point: conversations arrive at this multiple of the highest rate that the others",
        "reached. Being refused with a time to come back is no failure"
      })
  private @Nullable Double overload;

  @Mixin private GenerationFlags generation = new GenerationFlags();

  @Option(names = "--json", description = "one JSON object a point")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    LoadTestOptions.Builder options =
        LoadTestOptions.builder(server, model)
            .loads(UsageException.unlessValid(this::loads))
            .generation(generation.over(LoadTestOptions.GENERATION))
            .json(json);
    if (conversations != null) {
      options.conversations(conversations);
    }
    if (turns != null) {
      options.turns(turns);
    }
    if (thinkSeconds != null) {
      options.thinkTime(Duration.ofNanos(Math.round(thinkSeconds * 1e9)));
    }
    if (messages != null) {
      options.messages(messages);
    }
    if (interruptShare != null) {
      options.interruptShare(interruptShare);
    }
    if (cancelShare != null) {
      options.cancelShare(cancelShare);
    }
    if (slowReaders != null) {
      options.slowReaders(slowReaders, Duration.ofNanos(Math.round(readPauseSeconds * 1e9)));
    }
    if (overload != null) {
      options.overload(overload);
    }
    List<LoadResult> results =
        LoadTest.run(UsageException.unlessValid(options::build), parley.streams().out());
    boolean failed = results.stream().anyMatch(result -> result.failures() > 0);
    return failed ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
  }

  private List<Load> loads() {
    List<Load> loads = new ArrayList<>();
    streams.forEach(count -> loads.add(new Load.Closed(count)));
    rates.forEach(rate -> loads.add(new Load.Open(rate)));
    if (loads.isEmpty()) {
      List.of(1, 4, 16).forEach(count -> loads.add(new Load.Closed(count)));
    }
    return loads;
  }
}
