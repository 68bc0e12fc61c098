package dev.parley.server.rpc;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;

/** Pages of a list, as List methods answer them. */
public final class Paging {
  private static final int DEFAULT_SIZE = 50;
  private static final int LARGEST_SIZE = 1000;

  private Paging() {}

  /**
   * A part of a list.
   *
   * @param nextToken empty on the last page
   */
  public record Page<T>(List<T> items, String nextToken) {}

  /**
   * The page that a request asks for. A token names the last item of the page before, so that items
   * which come or go between two requests shift nothing.
   *
   * @param kind what is listed; a token of another list is refused
   * @param all in the order of the answer
   * @param key names an item, stably and uniquely
   * @param pageSize 0 means 50; above 1000 means 1000
   * @throws RpcException INVALID_ARGUMENT for a negative size or a token that is not of this list
   */
  public static <T> Page<T> page(
      String kind, List<T> all, Function<T, String> key, int pageSize, String pageToken) {
    if (pageSize < 0) {
      throw RpcException.invalid(
          "page_size", "is %d, but must be from 0 to %d".formatted(pageSize, LARGEST_SIZE));
    }
    int size = pageSize == 0 ? DEFAULT_SIZE : Math.min(pageSize, LARGEST_SIZE);
    int from = pageToken.isEmpty() ? 0 : after(kind, all, key, pageToken);
    List<T> items = all.subList(from, Math.min(all.size(), from + size));
    boolean last = from + items.size() == all.size();
    return new Page<>(
        List.copyOf(items), last ? "" : token(kind, key.apply(items.get(items.size() - 1))));
  }

  private static <T> int after(String kind, List<T> all, Function<T, String> key, String token) {
    for (int i = 0; i < all.size(); i++) {
      if (token(kind, key.apply(all.get(i))).equals(token)) {
        return i + 1;
      }
    }
    throw RpcException.invalid(
        "page_token",
        "is not of this list, or the item it names is gone; begin again without a token");
  }

  private static String token(String kind, String key) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString((kind + "/" + key).getBytes(StandardCharsets.UTF_8));
  }
}
