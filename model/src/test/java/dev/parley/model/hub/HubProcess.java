package dev.parley.model.hub;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A second process that wants a model of a hub. */
final class HubProcess {
  private HubProcess() {}

  public static void main(String[] arguments) throws IOException {
    Hub hub =
        new Hub(
            HubSettings.of(
                Map.of("HF_ENDPOINT", arguments[0], "HF_HOME", arguments[1]), Path.of("/")));
    System.out.println("ready");
    if (System.in.read() >= 0) {
      HubId id = HubId.parse(arguments[2]).orElseThrow();
      System.out.println(hub.snapshot(id, HubListener.NONE).directory());
    }
  }

  /** Starts one; it prints {@code ready}, waits for a byte, downloads and prints the directory. */
  static Process start(String endpoint, Path home, String id) throws IOException {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-cp",
            classPath,
            HubProcess.class.getName(),
            endpoint,
            home.toString(),
            id);
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Lets it go on. */
  static void go(Process process) throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
  }
}
