package dev.parley.cli;

import java.io.BufferedOutputStream;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * What a command reads from and writes to.
 *
 * @param in messages of a piped conversation, UTF-8
 * @param out results
 * @param err everything else
 * @param terminal whether a person sits before input and output
 */
record StandardStreams(InputStream in, PrintStream out, PrintStream err, boolean terminal) {
  /** Those of this process, in UTF-8 wherever it runs: JSON is UTF-8, also without a locale. */
  static StandardStreams ofProcess() {
    return new StandardStreams(
        System.in, utf8(FileDescriptor.out), utf8(FileDescriptor.err), isTerminal());
  }

  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(
        new BufferedOutputStream(new FileOutputStream(descriptor)), true, StandardCharsets.UTF_8);
  }

  @SuppressWarnings("SystemConsoleNull") // newer JDKs always have a console, and are asked below
  private static boolean isTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console); // since JDK 22
    } catch (NoSuchMethodException e) {
      return true;
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }
}
