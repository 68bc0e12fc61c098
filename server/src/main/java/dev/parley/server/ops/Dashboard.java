package dev.parley.server.ops;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Objects;

/** The one page under {@code /}: HTML, style and script in one file that asks nobody else. */
final class Dashboard {
  private final String html;
  private final String securityPolicy;

  Dashboard() {
    try (InputStream in =
        Objects.requireNonNull(Dashboard.class.getResourceAsStream("dashboard.html"))) {
      html = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    securityPolicy =
        "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; base-uri 'none';"
            + " form-action 'none'; frame-ancestors 'none'; script-src 'sha256-%s'"
                .formatted(sha256(between("<script>", "</script>")));
  }

  String html() {
    return html;
  }

  /** Lets the browser run the page's own script and nothing else, whatever a model replies. */
  String securityPolicy() {
    return securityPolicy;
  }

  private String between(String start, String end) {
    int from = html.indexOf(start) + start.length();
    return html.substring(from, html.indexOf(end, from));
  }

  private static String sha256(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }
}
