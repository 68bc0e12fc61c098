package dev.parley.cli;

import dev.parley.server.bench.GrpcBench;
import dev.parley.server.bench.GrpcBench.Point;
import dev.parley.server.bench.Measured;
import dev.parley.server.bench.Pace;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley bench grpc}. */
@Command(
    name = "grpc",
    description = {
      "The same turns through gRPC and straight into the engine, and where a step's time goes.",
      "",
      "Server and clients are in this process, connected over TCP, and share its cores. The second"
          + " table divides the engine thread's step: inside libtorch; arguments made for it and"
          + " logits taken back; deciding what is read next; logits to tokens; tokens to text,"
          + " protobuf and gRPC; and what lies between two steps. Below it, the processor time of"
          + " other threads for each step.",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchGrpcCommand implements Callable<Integer> {
  @Option(
      names = "--streams",
      defaultValue = "32",
      description = "conversations at once (${DEFAULT-VALUE})")
  private int streams;

  @Mixin private BenchReplyOptions replies = new BenchReplyOptions(64);

  @Option(
      names = "--sample",
      description = "draw tokens with top-p 0.9 in place of the most probable one")
  private boolean sample;

  @Mixin private BenchOptions options = new BenchOptions();

  private record Part(Point point, String name, double engine, double grpc) {
    Part(Point point, String name, Function<Pace, Double> of) {
      this(point, name, of.apply(point.engine()), of.apply(point.grpc()));
    }
  }

  @Override
  public Integer call() throws Exception {
    Measured<Point> measured =
        options.measure(
            rounds ->
                GrpcBench.run(rounds, streams, replies.context(), replies.newTokens(), sample));
    BenchTable<Point> table =
        options
            .<Point>table("grpc", Point::precision)
            .column("streams", "streams", Point::streams)
            .hidden("context", point -> replies.context())
            .hidden("new_tokens", point -> replies.newTokens())
            .hidden("sampled", point -> sample)
            .spread("engine tokens/s", "engine_tokens_per_second", 1, Point::engineTokensPerSecond)
            .spread("gRPC tokens/s", "tokens_per_second", 1, Point::grpcTokensPerSecond)
            .spread("gRPC / engine", "ratio", 3, Point::ratio)
            .hidden("milliseconds_per_step", point -> point.grpc().step())
            .hidden("engine", Point::engine)
            .hidden("grpc", Point::grpc)
            .hidden("server_cpu_ms", Point::serverCpu)
            .hidden("client_cpu_ms", Point::clientCpu)
            .hidden("compilers_ms", Point::compilers)
            .hidden("process_cpu_ms", Point::processCpu);
    options.print(measured, table);
    options.printText(
        measured.points().stream().flatMap(BenchGrpcCommand::parts).toList(),
        new BenchTable<Part>()
            .column("precision", "precision", part -> part.point().precision().toString())
            .column("ms a step", "part", Part::name)
            .number("engine", "engine_ms", 3, Part::engine)
            .number("gRPC", "grpc_ms", 3, Part::grpc)
            .number(
                "of gRPC's step, %",
                "share", 1, part -> 100 * part.grpc() / part.point().grpc().step()));
    return 0;
  }

  private static Stream<Part> parts(Point point) {
    return List.of(
        new Part(point, "step", Pace::step),
        new Part(point, "libtorch", Pace::libtorch),
        new Part(point, "arguments and logits", Pace::exchange),
        new Part(point, "scheduling", Pace::scheduling),
        new Part(point, "sampling", Pace::sampling),
        new Part(point, "delivery", Pace::delivery),
        new Part(point, "between steps", Pace::between),
        new Part(point, "CPU: gRPC's server threads", 0, point.serverCpu()),
        new Part(point, "CPU: the clients", 0, point.clientCpu()),
        new Part(point, "CPU: HotSpot's compilers", 0, point.compilers()),
        new Part(point, "CPU: the whole process", 0, point.processCpu()))
        .stream();
  }
}
