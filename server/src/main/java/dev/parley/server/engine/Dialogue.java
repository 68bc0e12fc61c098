package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.KeyValueCache;
import dev.parley.model.gpt2.LogitsQuery;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the engine keeps of a conversation: its history as "tokens EOS tokens EOS", its turns in
 * order, and a cache that is only ever a copy of tokens' keys and values. Owned by the engine
 * thread.
 */
final class Dialogue {
  final long id;
  final Deque<Turn> turns = new ArrayDeque<>();
  private final Gpt2Decoder decoder;
  private TokenBuffer history;
  private final CachedTokens cached;
  private @Nullable KeyValueCache cache;
  private boolean closed;

  /**
   * A conversation that is not open yet, on any thread.
   *
   * @param index that its cached tokens are entered in
   */
  Dialogue(long id, Gpt2Decoder decoder, PrefixIndex index, int[] history) {
    this.id = id;
    this.decoder = decoder;
    this.cached = new CachedTokens(id, index);
    this.history = new TokenBuffer(history);
  }

  /** The history's length in tokens. */
  int historyTokens() {
    return history.size();
  }

  /** The longest message that leaves room for one token of a reply, its end of turn not counted. */
  static int longestMessage(int contextLength) {
    return contextLength - 2;
  }

  /**
   * Gives a turn its prompt: history, message, end of turn. Where that and a reply exceed the
   * context, whole turns are dropped from the front of the history until prompt takes half of it:
   * in one large step, because positions are absolute and all that is kept must be read again.
   */
  void prepare(Turn turn) {
    int context = decoder.config().contextLength();
    int endOfText = decoder.config().endOfText();
    int message = turn.request.message().length + 1;
    int room = Math.min(turn.request.sampling().maxNewTokens(), Math.max(1, context / 4));
    int from = 0;
    if (history.size() + message + room > context) {
      while (from < history.size() && history.size() - from + message > context / 2) {
        do {
          from++;
        } while (from < history.size() && history.get(from - 1) != endOfText);
      }
    }
    turn.droppedHistoryTokens = from;
    turn.tokens = new TokenBuffer(history.slice(from, history.size()));
    turn.tokens.addAll(turn.request.message());
    turn.tokens.add(endOfText);
    turn.promptTokens = turn.tokens.size();
  }

  /** Keeps of the cache what begins these tokens, but the last one; returns how many that are. */
  int reuse(TokenBuffer tokens) {
    int kept = Math.min(cached.commonPrefix(tokens), tokens.size() - 1);
    if (cache != null) {
      cache.truncate(kept);
    }
    cached.truncate(kept);
    return kept;
  }

  /** A row of a step that reads {@code count} tokens after those that are cached. */
  Gpt2Decoder.Row row(TokenBuffer tokens, int count, List<LogitsQuery> queries) {
    if (cache == null) {
      cache = decoder.newCache();
    }
    cache.truncate(cached.size()); // without what was guessed wrong
    return new Gpt2Decoder.Row(cache, tokens.slice(cached.size(), cached.size() + count), queries);
  }

  /** The step was made, or a guess was right: these are cached now. */
  void read(int... tokens) {
    cached.addAll(tokens);
  }

  /**
   * Takes a turn's prompt and reply over into the history.
   *
   * @param replied false where the reply was cut off before its first token: it is no turn then,
   *     for two ends of turn in a row would be an empty one that nobody said
   */
  void commit(Turn turn, int[] reply, boolean replied) {
    turn.tokens.truncate(turn.promptTokens);
    turn.tokens.addAll(reply);
    if (replied) {
      turn.tokens.add(decoder.config().endOfText());
    }
    history = turn.tokens;
  }

  /** The tokens that are cached. */
  CachedTokens cached() {
    return cached;
  }

  /**
   * Takes over the first {@code count} tokens that another conversation has cached, in place of
   * those that are cached here. Where this throws, nothing has changed.
   */
  void share(Dialogue source, int count) {
    KeyValueCache from = source.cache;
    if (from == null) {
      throw new IllegalStateException("conversation %d has nothing cached".formatted(source.id));
    }
    if (cache == null) {
      cache = decoder.newCache();
    }
    cache.copyPrefix(from, count);
    cached.truncate(0);
    cached.addAll(source.cached.first(count));
  }

  /**
   * Takes over what another one has cached, in place of its own; nothing where that has nothing.
   */
  void adopt(Dialogue other) {
    forget();
    cache = other.cache;
    cached.addAll(other.cached.first(other.cached.size()));
    other.cache = null;
    other.cached.clear();
  }

  /** Nobody talks here any more; what is cached may be of use to others. */
  void close() {
    closed = true;
    history = new TokenBuffer();
  }

  boolean closed() {
    return closed;
  }

  /** Drops the cache. */
  void forget() {
    cached.clear();
    if (cache != null) {
      cache.close();
      cache = null;
    }
  }
}
