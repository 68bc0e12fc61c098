package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Decoder;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The conversations of an engine by number, open ones and closed ones whose cache is left, and what
 * the scheduler decides about their keys and values. Owned by the engine thread, but for {@link
 * #make}.
 */
final class DialogueCaches {
  private static final Logger log = LoggerFactory.getLogger(DialogueCaches.class);

  private final Gpt2Decoder decoder;
  private final EngineObserver observer;
  private final PrefixIndex prefixes = new PrefixIndex();
  private final Map<Long, Dialogue> dialogues = new HashMap<>();

  DialogueCaches(Gpt2Decoder decoder, EngineObserver observer) {
    this.decoder = decoder;
    this.observer = observer;
  }

  /** A conversation that is not open yet; on any thread. */
  Dialogue make(long id, int[] history) {
    return new Dialogue(id, decoder, prefixes, history);
  }

  void open(Dialogue dialogue) {
    dialogues.put(dialogue.id, dialogue);
  }

  Dialogue get(long id) {
    Dialogue dialogue = dialogues.get(id);
    if (dialogue == null) {
      throw new IllegalStateException("conversation %d is unknown".formatted(id));
    }
    return dialogue;
  }

  /** What is cached of a conversation is dropped, and with it one that is closed. */
  void drop(Dialogue dialogue) {
    dialogue.forget();
    if (dialogue.closed()) {
      dialogues.remove(dialogue.id);
    }
  }

  /** As the scheduler decided. */
  void drop(Plan.Drop drop) {
    drop(get(drop.conversation()));
    observer.evicted(drop.reason(), drop.tokens());
  }

  /** Copies a beginning; where that fails, such as for lack of memory, nothing is cached. */
  boolean share(Plan.Share share) {
    Dialogue target = get(share.conversation());
    try {
      target.share(get(share.source()), share.tokens());
    } catch (RuntimeException e) {
      log.warn("{} cached tokens could not be copied; they are read again", share.tokens(), e);
      target.forget();
      return false;
    }
    observer.shared(share.tokens());
    return true;
  }

  /** The longest beginning of a turn that another conversation has and that is worth copying. */
  Optional<PrefixOffers.Offer> offer(Turn turn) {
    CachedTokens own = turn.dialogue.cached();
    return prefixes
        .longest(turn.tokens, own)
        .map(
            source ->
                new PrefixOffers.Offer(
                    source.conversation,
                    Math.min(source.commonPrefix(turn.tokens), turn.tokens.size() - 1)))
        .filter(offer -> offer.tokens() - own.size() >= PrefixIndex.BLOCK);
  }

  /** Everything is dropped; no conversation is left. */
  void clear() {
    for (Dialogue dialogue : dialogues.values()) {
      dialogue.turns.clear();
      dialogue.forget();
    }
    dialogues.clear();
  }
}
