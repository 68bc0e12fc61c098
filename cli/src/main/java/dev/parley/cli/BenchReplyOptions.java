package dev.parley.cli;

import picocli.CommandLine.Option;

/** How long the conversations of a benchmark are. */
final class BenchReplyOptions {
  @Option(names = "--context", description = "tokens of each prompt (${DEFAULT-VALUE})")
  private int context = 100;

  @Option(names = "--new-tokens", description = "tokens of each reply (${DEFAULT-VALUE})")
  private int newTokens;

  /** With replies of so many tokens unless told otherwise. */
  BenchReplyOptions(int newTokens) {
    this.newTokens = newTokens;
  }

  int context() {
    return context;
  }

  int newTokens() {
    return newTokens;
  }
}
