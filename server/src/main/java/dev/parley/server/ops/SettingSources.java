package dev.parley.server.ops;

import dev.parley.model.registry.NearestName;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Flags, environment and file of one start, and what was found wrong with them so far. */
final class SettingSources {
  private static final String PREFIX = "PARLEY_";

  /** Names the configuration file; the launcher script reads the other one. */
  private static final Set<String> OTHER_VARIABLES = Set.of("PARLEY_CONFIG", "PARLEY_JAVA_OPTIONS");

  private final Map<String, String> flags;
  private final Map<String, String> environment;
  private final Map<String, String> file;
  private final String fileName;
  private final List<String> problems = new ArrayList<>();
  private final List<ServerConfig.Effective> effective = new ArrayList<>();

  private SettingSources(
      Map<String, String> flags, Map<String, String> environment, Optional<Path> path) {
    this.flags = flags;
    this.environment = environment;
    this.fileName = path.map(Path::toString).orElse("");
    this.file = path.map(this::properties).orElse(Map.of());
    checkNames();
  }

  static SettingSources read(
      Map<String, String> flags, Map<String, String> environment, Optional<Path> file) {
    Optional<Path> path =
        file.or(() -> Optional.ofNullable(environment.get("PARLEY_CONFIG")).map(Path::of));
    return new SettingSources(flags, environment, path);
  }

  private Map<String, String> properties(Path path) {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(path, StandardCharsets.UTF_8)) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException e) {
      problems.add("--config %s cannot be read: %s".formatted(path, e));
    }
    Map<String, String> values = new TreeMap<>();
    properties.stringPropertyNames().forEach(key -> values.put(key, properties.getProperty(key)));
    return values;
  }

  private void checkNames() {
    Set<String> names = new TreeSet<>();
    Set<String> variables = new TreeSet<>(OTHER_VARIABLES);
    for (Setting<?> setting : Setting.all()) {
      names.add(setting.name());
      variables.add(setting.variable());
    }
    for (String flag : new TreeSet<>(flags.keySet())) {
      unknown("--" + flag, flag, names, "--");
    }
    for (String key : file.keySet()) {
      unknown("key '%s' in %s".formatted(key, fileName), key, names, "");
    }
    for (String variable : new TreeSet<>(environment.keySet())) {
      if (variable.startsWith(PREFIX)) {
        unknown("variable " + variable, variable, variables, "");
      }
    }
  }

  private void unknown(String what, String name, Collection<String> known, String prefix) {
    if (!known.contains(name)) {
      String nearest = NearestName.closest(name, known).orElseThrow();
      problems.add("%s is unknown; the nearest is %s%s".formatted(what, prefix, nearest));
    }
  }

  /** The value of a setting; its default's where the given one is wrong, which is noted. */
  <T> T take(Setting<T> setting) {
    String text = setting.defaultText();
    String source = "default";
    String where = "";
    if (flags.containsKey(setting.name())) {
      text = flags.get(setting.name());
      source = "flag";
      where = "--" + setting.name();
    } else if (environment.containsKey(setting.variable())) {
      text = environment.get(setting.variable());
      source = "environment";
      where = setting.variable();
    } else if (file.containsKey(setting.name())) {
      text = file.get(setting.name());
      source = "file";
      where = "%s in %s".formatted(setting.name(), fileName);
    }
    effective.add(new ServerConfig.Effective(setting.name(), text.strip(), source));
    try {
      return setting.parser().parse(text.strip());
    } catch (IllegalArgumentException e) {
      problems.add("%s is '%s', but %s".formatted(where, text, e.getMessage()));
      return setting.parser().parse(setting.defaultText());
    }
  }

  List<ServerConfig.Effective> effective() {
    return List.copyOf(effective);
  }

  void throwProblems() {
    if (!problems.isEmpty()) {
      throw new ConfigurationException(problems);
    }
  }
}
