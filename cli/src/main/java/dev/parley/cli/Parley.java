package dev.parley.cli;

import dev.parley.server.ops.ConfigurationException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
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
      JobsCommand.class,
      EvalCommand.class,
      DataCommand.class,
      ChatCommand.class,
      ModelsCommand.class,
      LoadTestCommand.class,
      BenchCommand.class,
      CommandLine.HelpCommand.class
    })
public final class Parley {
  /** gRPC logs stack traces of what the command then says in one sentence. Held: weak otherwise. */
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  private final StandardStreams streams;

  private Parley(StandardStreams streams) {
    this.streams = streams;
  }

  /** Runs the command and exits. */
  public static void main(String[] arguments) {
    if (arguments.length > 0 && !arguments[0].equals("serve")) {
      System.setProperty("parley.log", "WARN"); // read by logback.xml; a server says what it does
      GRPC.setLevel(Level.SEVERE);
    }
    // Numbers look the same wherever it runs: people compare them, and scripts cut them out.
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    System.exit(run(StandardStreams.ofProcess(), arguments));
  }

  static int run(StandardStreams streams, String... arguments) {
    return new CommandLine(new Parley(streams))
        .addSubcommand(ServeCommand.commandLine())
        .setOut(new PrintWriter(streams.out(), true, StandardCharsets.UTF_8))
        .setErr(new PrintWriter(streams.err(), true, StandardCharsets.UTF_8))
        .setUnmatchedOptionsAllowedAsOptionParameters(false) // --data FILE --dta is no file
        .setExecutionExceptionHandler(Parley::report)
        .setParameterExceptionHandler(Parley::explain)
        .execute(arguments);
  }

  /** What this command reads from and writes to. */
  StandardStreams streams() {
    return streams;
  }

  /** Where this command writes its results, as text or as JSON. */
  Output output(boolean json) {
    return new Output(streams, json);
  }

  /** Wrong usage is one sentence, too, and says where the help is. */
  private static int explain(ParameterException complaint, String[] arguments) {
    CommandLine command = complaint.getCommandLine();
    if (arguments.length == 0) {
      command.usage(command.getErr());
      return CommandLine.ExitCode.USAGE;
    }
    // A misspelled option is often missing as well, or taken for a value: it is what matters.
    List<String> unknown = unknownOptions(command.getCommandSpec(), arguments);
    ParameterException usage =
        unknown.isEmpty() ? complaint : new UnmatchedArgumentException(command, unknown);
    command.getErr().println("parley: " + usage.getMessage());
    UnmatchedArgumentException.printSuggestions(usage, command.getErr());
    command.getErr().printf("Try '%s --help'.%n", command.getCommandSpec().qualifiedName());
    return CommandLine.ExitCode.USAGE;
  }

  private static List<String> unknownOptions(CommandSpec spec, String... arguments) {
    return Stream.of(arguments)
        .filter(argument -> argument.startsWith("--") && argument.length() > 2)
        .map(argument -> argument.replaceFirst("=.*", ""))
        .filter(name -> !spec.optionsMap().containsKey(name))
        .filter(name -> !spec.negatedOptionsMap().containsKey(name))
        .toList();
  }

  /** A failure is one sentence; the stack trace is for PARLEY_JAVA_OPTIONS=-Dparley.debug=true. */
  private static int report(
      Exception failure, CommandLine command, CommandLine.ParseResult parsed) {
    if (failure instanceof ParameterException
        || failure instanceof UsageException
        || failure instanceof ConfigurationException) {
      command.getErr().println("parley: " + failure.getMessage());
      return CommandLine.ExitCode.USAGE;
    }
    command.getErr().println("parley: " + sentence(failure));
    if (Boolean.getBoolean("parley.debug")) {
      failure.printStackTrace(command.getErr());
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String sentence(Exception failure) {
    String message = failure.getMessage();
    if (failure instanceof NoSuchFileException) {
      return message + ": there is no such file";
    }
    // Those of files say what they are about, but not what went wrong.
    if (message == null || failure instanceof FileSystemException) {
      return failure.toString();
    }
    return message;
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Parley.class.getPackage().getImplementationVersion();
      return new String[] {"parley " + (version == null ? "(not packaged)" : version)};
    }
  }
}
