package dev.parley.client;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * All items of a list that the server gives page by page; the next page is asked for when needed.
 */
final class Pages<T> implements Iterator<T> {
  /** One page; an empty token: the last one. */
  record Page<T>(List<T> items, String nextToken) {}

  private final Function<String, Page<T>> fetch;
  private Iterator<T> items;
  private String token;

  private Pages(Function<String, Page<T>> fetch) {
    this.fetch = fetch;
    Page<T> first = fetch.apply("");
    this.items = first.items().iterator();
    this.token = first.nextToken();
  }

  /** The first page is fetched at once, so that errors come from the call itself. */
  static <T> Stream<T> stream(Function<String, Page<T>> fetch) {
    Pages<T> pages = new Pages<>(fetch);
    Iterable<T> iterable = () -> pages;
    return StreamSupport.stream(iterable.spliterator(), false);
  }

  @Override
  public boolean hasNext() {
    while (!items.hasNext() && !token.isEmpty()) {
      Page<T> page = fetch.apply(token);
      items = page.items().iterator();
      token = page.nextToken();
    }
    return items.hasNext();
  }

  @Override
  public T next() {
    if (!hasNext()) {
      throw new NoSuchElementException("The list has ended");
    }
    return items.next();
  }
}
