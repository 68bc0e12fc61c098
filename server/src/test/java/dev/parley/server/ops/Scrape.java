package dev.parley.server.ops;

/** What a server's metrics say. */
public final class Scrape {
  private Scrape() {}

  /**
   * The sum of a metric over the series whose labels contain a text.
   *
   * @param labels such as {@code state="active"}; empty takes all
   */
  public static double of(TestServer server, String name, String labels) {
    try {
      return server
          .get("/metrics")
          .body()
          .lines()
          .filter(line -> line.startsWith(name + "{") && line.contains(labels))
          .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
          .sum();
    } catch (Exception e) {
      throw new AssertionError("no metrics", e);
    }
  }

  /** As {@link #of(TestServer, String, String)}, over all series. */
  public static double of(TestServer server, String name) {
    return of(server, name, "");
  }
}
