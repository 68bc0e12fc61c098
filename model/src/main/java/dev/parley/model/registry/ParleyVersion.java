package dev.parley.model.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The version of this Parley, and the commit that it was built from. */
public final class ParleyVersion {
  private static final String POM = "/META-INF/maven/dev.parley/parley-model/pom.properties";
  private static final String BUILD = "build.properties";

  private ParleyVersion() {}

  /** As in the jar that runs; {@code development} outside of one. */
  public static String current() {
    return properties(POM).getProperty("version", "development");
  }

  /**
   * The git commit in hexadecimal, with {@code -dirty} behind it where files under version control
   * had changes that were not committed; empty where Parley was built without git.
   */
  public static String commit() {
    Properties build = properties(BUILD);
    String commit = build.getProperty("commit", "");
    return commit + (build.getProperty("dirty", "").equals("true") ? "-dirty" : "");
  }

  private static Properties properties(String resource) {
    try (InputStream file = ParleyVersion.class.getResourceAsStream(resource)) {
      Properties properties = new Properties();
      if (file != null) {
        properties.load(file);
      }
      return properties;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
