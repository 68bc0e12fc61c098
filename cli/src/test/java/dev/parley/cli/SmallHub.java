package dev.parley.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A hub on this machine with one model, whose files are those of a directory, all of them large.
 */
final class SmallHub implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  private final HttpServer server =
      HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  private final AtomicInteger requests = new AtomicInteger();

  SmallHub(String repository, Path files) throws IOException {
    server.createContext(
        "/" + repository + "/resolve/",
        exchange -> {
          try (exchange) {
            requests.incrementAndGet();
            answer(exchange, files);
          }
        });
    server.start();
  }

  String endpoint() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  int requests() {
    return requests.get();
  }

  private static void answer(HttpExchange exchange, Path files) throws IOException {
    String path = exchange.getRequestURI().getPath();
    Path file = files.resolve(path.substring(path.lastIndexOf('/') + 1));
    exchange.getResponseHeaders().set("X-Repo-Commit", COMMIT);
    if (!Files.exists(file)) {
      exchange.getResponseHeaders().set("X-Error-Code", "EntryNotFound");
      exchange.sendResponseHeaders(404, -1);
      return;
    }
    byte[] content = Files.readAllBytes(file);
    exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + sha256(content) + "\"");
    exchange.getResponseHeaders().set("X-Linked-Size", Integer.toString(content.length));
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
      exchange.sendResponseHeaders(200, -1);
    } else {
      exchange.sendResponseHeaders(200, content.length);
      exchange.getResponseBody().write(content);
    }
  }

  private static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new UncheckedIOException(new IOException(e));
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
