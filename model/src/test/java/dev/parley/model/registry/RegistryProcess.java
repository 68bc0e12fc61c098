package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A second process on a registry. What it does is its first argument. */
final class RegistryProcess {
  private RegistryProcess() {}

  public static void main(String[] arguments) throws IOException {
    Registry registry = new Registry(Path.of(arguments[1]));
    System.out.println("ready");
    if (System.in.read() < 0) {
      return;
    }
    switch (arguments[0]) {
      case "publish" -> {
        for (int i = 0; i < Integer.parseInt(arguments[3]); i++) {
          System.out.println(Versions.publish(registry, arguments[2]).version());
        }
      }
      case "stage" -> {
        StagedVersion staged = registry.stage(arguments[2]);
        Versions.fill(staged, "weights");
        System.out.println("staged");
        System.in.read(); // till it is killed
      }
      case "base" -> System.out.println(EmbeddedBase.ensure(registry).reference());
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  /** Starts one; it prints {@code ready} and waits for a byte. */
  static Process start(String... arguments) throws IOException {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-cp",
                classPath,
                RegistryProcess.class.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Lets it go on. */
  static void go(Process process) throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
  }
}
