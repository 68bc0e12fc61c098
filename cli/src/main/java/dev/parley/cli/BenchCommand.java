package dev.parley.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** {@code parley bench}: how fast this machine is, without a network. */
@Command(
    name = "bench",
    description = {
      "Measures the engine on random weights of a published shape, or on a model: no server.",
      "",
      "Everything is measured several times in turn, in one process; medians and the lowest and"
          + " highest are shown. Compare ratios, which hold; absolute speeds move with whatever else"
          + " the machine does.",
      ""
    },
    mixinStandardHelpOptions = true,
    subcommands = {
      BenchDecodeCommand.class,
      BenchPrefillCommand.class,
      BenchMultiTurnCommand.class,
      BenchIdleCommand.class,
      BenchGrpcCommand.class,
      BenchTrainCommand.class,
      BenchRooflineCommand.class
    },
    synopsisSubcommandLabel = "COMMAND")
final class BenchCommand {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  /** Where results go. */
  Output output(boolean json) {
    return parley.output(json);
  }
}
