package dev.parley.cli;

import dev.parley.server.ops.ParleyServer;
import dev.parley.server.ops.ServerConfig;
import dev.parley.server.ops.Setting;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code parley serve}: the server, until it is asked to stop. */
@Command(
    name = "serve",
    description = "Serves the models of a home over gRPC.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "",
      "Every option is also a key of the --config file and a PARLEY_* variable (--kv-memory:",
      "PARLEY_KV_MEMORY). A flag wins over a variable, a variable over the file."
    })
final class ServeCommand implements Callable<Integer> {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  @Spec
  @SuppressWarnings("NullAway.Init") // set by picocli
  private CommandSpec spec;

  @Option(names = "--config", paramLabel = "FILE", description = "properties file with settings")
  private @Nullable Path config;

  @Option(names = "--json", description = "says on standard output, as JSON, where it listens")
  private boolean json;

  /** The command with one option for each setting of the server. */
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new ServeCommand());
    for (Setting<?> setting : Setting.all()) {
      line.getCommandSpec()
          .addOption(
              OptionSpec.builder("--" + setting.name())
                  .type(String.class)
                  .paramLabel("VALUE")
                  .description(
                      setting.description()
                          + (setting.defaultText().isEmpty()
                              ? ""
                              : " (default: " + setting.defaultText() + ")"))
                  .build());
    }
    return line;
  }

  @Override
  public Integer call() throws Exception {
    Map<String, String> flags = new LinkedHashMap<>();
    for (Setting<?> setting : Setting.all()) {
      String value = spec.findOption("--" + setting.name()).getValue();
      if (value != null) {
        flags.put(setting.name(), value);
      }
    }
    Output out = parley.output(json);
    ParleyServer server =
        ParleyServer.start(ServerConfig.load(flags, System.getenv(), Optional.ofNullable(config)));
    Runtime.getRuntime().addShutdownHook(new Thread(server::close, "shutdown"));
    out.object(
        Output.ordered("type", "ready", "port", server.grpcPort(), "admin", server.adminPort()));
    out.text("Parley serves gRPC on port " + server.grpcPort());
    out.text("dashboard and metrics: http://127.0.0.1:" + server.adminPort() + "/");
    server.awaitClosed(); // until SIGTERM or Ctrl-C
    return CommandLine.ExitCode.OK;
  }
}
