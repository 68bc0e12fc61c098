package dev.parley.model.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The version of this Parley. */
public final class ParleyVersion {
  private static final String PROPERTIES = "/META-INF/maven/dev.parley/parley-model/pom.properties";

  private ParleyVersion() {}

  /** As in the jar that runs; {@code development} outside of one. */
  public static String current() {
    try (InputStream file = ParleyVersion.class.getResourceAsStream(PROPERTIES)) {
      Properties properties = new Properties();
      if (file != null) {
        properties.load(file);
      }
      return properties.getProperty("version", "development");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
