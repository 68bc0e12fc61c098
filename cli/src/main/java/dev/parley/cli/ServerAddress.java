package dev.parley.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Checks {@code HOST:PORT} before gRPC waits for what cannot be; other gRPC targets have a //. */
final class ServerAddress implements ITypeConverter<String> {
  private static final Pattern HOST_AND_PORT = Pattern.compile(".+:(\\d{1,5})");
  private static final int LAST_PORT = 65_535;

  @Override
  public String convert(String value) {
    Matcher matcher = HOST_AND_PORT.matcher(value);
    boolean usable =
        matcher.matches()
            && Integer.parseInt(matcher.group(1)) >= 1
            && Integer.parseInt(matcher.group(1)) <= LAST_PORT;
    if (!usable && !value.contains("//")) {
      throw new TypeConversionException(
          "'%s' is not HOST:PORT with a port from 1 to %d, such as 127.0.0.1:50051"
              .formatted(value, LAST_PORT));
    }
    return value;
  }
}
