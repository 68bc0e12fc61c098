package dev.parley.server.chat;

import dev.parley.server.ops.TestServer;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** A server in a process of its own, which can be killed. */
final class ServerProcess implements AutoCloseable {
  private static final String READY = "ready on ";

  private final Process process;
  final int port;

  private ServerProcess(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /** Starts one and waits until it answers. */
  static ServerProcess start(Path home) throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Process process =
        new ProcessBuilder(
                List.of(
                    java,
                    "-Xmx512m",
                    "-cp",
                    System.getProperty("java.class.path"),
                    ServerProcess.class.getName(),
                    home.toString()))
            .redirectError(new File(home.toFile(), "server.log"))
            .start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith(READY)) {
        return new ServerProcess(process, Integer.parseInt(line.substring(READY.length())));
      }
    }
    process.destroyForcibly();
    throw new IOException("the server did not start; see " + home + "/server.log");
  }

  /** Kills it, as kill -9 does. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  /** Serves until it is killed. */
  public static void main(String[] arguments) throws InterruptedException {
    TestServer server = TestServer.start(Path.of(arguments[0]));
    System.out.println(READY + server.server().grpcPort());
    server.server().awaitClosed();
  }
}
