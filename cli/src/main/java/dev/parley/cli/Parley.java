package dev.parley.cli;

import io.grpc.StatusRuntimeException;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The {@code parley} command. Exit codes: 0 done, 1 failed, 2 wrong usage. */
@Command(
    name = "parley",
    description = "Fine-tunes and serves DialoGPT / GPT-2 chat models on the JVM.",
    mixinStandardHelpOptions = true,
    versionProvider = Parley.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      QuickstartCommand.class,
      TrainCommand.class,
      EvalCommand.class,
      ChatCommand.class,
      ModelsCommand.class,
      LoadTestCommand.class,
      BenchCommand.class,
      CommandLine.HelpCommand.class
    })
public final class Parley {
  /** gRPC logs stack traces of what the command then says in one sentence. Held: weak otherwise. */
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  private Parley() {}

  /** Runs the command and exits. */
  public static void main(String[] arguments) {
    if (arguments.length > 0 && !arguments[0].equals("serve")) {
      System.setProperty("parley.log", "WARN"); // read by logback.xml; a server says what it does
      GRPC.setLevel(Level.SEVERE);
    }
    System.exit(run(arguments));
  }

  static int run(String... arguments) {
    return new CommandLine(new Parley())
        .addSubcommand(ServeCommand.commandLine())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(Parley::report)
        .setParameterExceptionHandler(Parley::explain)
        .execute(arguments);
  }

  /** Wrong usage is one sentence, too, and says where the help is. */
  private static int explain(ParameterException usage, String[] arguments) {
    CommandLine command = usage.getCommandLine();
    if (arguments.length == 0) {
      command.usage(command.getErr());
      return CommandLine.ExitCode.USAGE;
    }
    command.getErr().println("parley: " + usage.getMessage());
    UnmatchedArgumentException.printSuggestions(usage, command.getErr());
    command.getErr().printf("Try '%s --help'.%n", command.getCommandSpec().qualifiedName());
    return CommandLine.ExitCode.USAGE;
  }

  /** A failure is one sentence; the stack trace is for PARLEY_JAVA_OPTIONS=-Dparley.debug=true. */
  private static int report(
      Exception failure, CommandLine command, CommandLine.ParseResult parsed) {
    if (failure instanceof ParameterException || failure instanceof UsageException) {
      command.getErr().println("parley: " + failure.getMessage());
      return CommandLine.ExitCode.USAGE;
    }
    command.getErr().println("parley: " + spoken(failure, command));
    if (Boolean.getBoolean("parley.debug")) {
      failure.printStackTrace(command.getErr());
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String spoken(Exception failure, CommandLine command) {
    String message = failure.getMessage();
    if (message == null) {
      return failure.toString();
    }
    if (failure instanceof StatusRuntimeException status
        && status.getStatus().getDescription() != null) {
      message = status.getStatus().getDescription();
    }
    OptionSpec server = command.getCommandSpec().findOption("--server");
    return server != null && message.contains("Connection refused")
        ? "no server answers at %s: start one with 'parley serve', or name another with --server"
            .formatted(String.valueOf(server.<Object>getValue()))
        : message;
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Parley.class.getPackage().getImplementationVersion();
      return new String[] {"parley " + (version == null ? "(not packaged)" : version)};
    }
  }
}
