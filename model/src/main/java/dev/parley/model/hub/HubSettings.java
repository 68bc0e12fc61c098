package dev.parley.model.hub;

import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the hub is and where its models are kept, by the variables that Hugging Face's own tools
 * read.
 *
 * @param endpoint of the hub, without a slash at its end
 * @param token sent to the endpoint, and to no other host
 * @param cache holds {@code models--organisation--name}
 * @param offline asks nobody: what is in the cache is all there is
 * @param proxies ways out
 * @param answerTime the longest time to a connection, and to the head of an answer
 * @param stallTime the longest time without a byte, while a file comes
 * @param firstPause before a second attempt; doubled for each one after it
 */
public record HubSettings(
    URI endpoint,
    Optional<String> token,
    Path cache,
    boolean offline,
    ProxySelector proxies,
    Duration answerTime,
    Duration stallTime,
    Duration firstPause) {
  /** Attempts at one request that bring nothing new, before it is given up. */
  static final int ATTEMPTS = 5;

  private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
  private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
  private static final Pattern VARIABLE = Pattern.compile("\\$(?:\\{(\\w+)\\}|(\\w+))");

  /** Those of this process. */
  public static HubSettings ofProcess() {
    return of(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /**
   * The settings that variables of an environment make.
   *
   * @param home of the user, where the cache is unless a variable says otherwise
   * @throws HubException CONFIGURATION, if one makes no sense
   */
  public static HubSettings of(Map<String, String> environment, Path home) {
    Variables variables = new Variables(environment, home);
    Path hubHome =
        variables
            .path("HF_HOME")
            .orElseGet(
                () ->
                    variables
                        .path("XDG_CACHE_HOME")
                        .orElse(home.resolve(".cache"))
                        .resolve("huggingface"));
    Path cache =
        variables
            .path("HF_HUB_CACHE")
            .or(() -> variables.path("HUGGINGFACE_HUB_CACHE"))
            .orElse(hubHome.resolve("hub"));
    Path tokenFile = variables.path("HF_TOKEN_PATH").orElse(hubHome.resolve("token"));
    Optional<String> token =
        variables.isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN")
            ? Optional.empty()
            : variables
                .text("HF_TOKEN")
                .or(() -> variables.text("HUGGING_FACE_HUB_TOKEN"))
                .or(() -> token(tokenFile));
    if (token.isPresent() && !token.get().matches("[!-~]+")) { // never shown: it is a secret
      throw new HubException(
          HubException.Kind.CONFIGURATION,
          "the token of HF_TOKEN or %s holds a character that no token has, such as a byte order mark or a line end: write it anew"
              .formatted(tokenFile));
    }
    return new HubSettings(
        endpoint(variables.text("HF_ENDPOINT").orElse(DEFAULT_ENDPOINT)),
        token,
        cache.toAbsolutePath().normalize(),
        variables.isTrue("HF_HUB_OFFLINE") || variables.isTrue("TRANSFORMERS_OFFLINE"),
        Proxies.of(environment),
        variables.seconds("HF_HUB_ETAG_TIMEOUT"),
        variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT"),
        Duration.ofMillis(500));
  }

  /** Never with the token, which would end in logs. */
  @Override
  public String toString() {
    return "HubSettings[endpoint=%s, token=%s, cache=%s, offline=%s]"
        .formatted(endpoint, token.isPresent() ? "set" : "none", cache, offline);
  }

  private static URI endpoint(String text) {
    String address = text.replaceAll("/+$", "");
    try {
      URI uri = URI.create(address);
      if (uri.getHost() != null && uri.getScheme().matches("https?")) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // said below
    }
    throw new HubException(
        HubException.Kind.CONFIGURATION,
        "HF_ENDPOINT is '%s', but must be an address such as %s".formatted(text, DEFAULT_ENDPOINT));
  }

  private static Optional<String> token(Path file) {
    try {
      return Optional.of(Files.readString(file).strip()).filter(token -> !token.isEmpty());
    } catch (IOException e) {
      return Optional.empty(); // nobody is logged in
    }
  }

  /** The variables, as Hugging Face's tools read them. */
  private record Variables(Map<String, String> environment, Path home) {
    Optional<String> text(String name) {
      return Optional.ofNullable(environment.get(name))
          .map(String::strip)
          .filter(value -> !value.isEmpty());
    }

    boolean isTrue(String name) {
      return text(name).map(value -> TRUE.contains(value.toUpperCase(Locale.ROOT))).orElse(false);
    }

    Optional<Path> path(String name) {
      return text(name).map(this::expand).map(Path::of);
    }

    Duration seconds(String name) {
      String text = text(name).orElse("10");
      if (!text.matches("[1-9][0-9]{0,5}")) {
        throw new HubException(
            HubException.Kind.CONFIGURATION,
            "%s is '%s', but must be a number of seconds".formatted(name, text));
      }
      return Duration.ofSeconds(Integer.parseInt(text));
    }

    private String expand(String path) {
      String inHome = path.matches("~([/\\\\].*)?") ? home + path.substring(1) : path;
      return VARIABLE
          .matcher(inHome)
          .replaceAll(
              match -> {
                String name = match.group(1) != null ? match.group(1) : match.group(2);
                return Matcher.quoteReplacement(environment.getOrDefault(name, match.group()));
              });
    }
  }
}
