package dev.parley.model.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A tokenizer of Hugging Face's Rust library, as DJL packs it, in native memory. Thread-safe:
 * encodings run side by side, closing waits for them.
 *
 * <p>It goes to the library directly and not through DJL's {@code HuggingFaceTokenizer}, which
 * truncates to 512 tokens by itself, reads options from files beside the tokenizer, looks for a
 * cloud's metadata service to report that it is used, and copies eight arrays and an object a token
 * out of native memory where the ids are all that is asked for.
 */
final class NativeTokenizer implements AutoCloseable {
  static {
    // The GPU has nothing to do here: without this, DJL would download a build for it.
    if (System.getProperty("RUST_FLAVOR") == null) {
      System.setProperty("RUST_FLAVOR", "cpu");
    }
    LibUtils.checkStatus();
  }

  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private long handle;

  /**
   * Reads a definition.
   *
   * @param json the content of a tokenizer.json
   * @throws RuntimeException with the library's message if it is no such content
   */
  NativeTokenizer(String json) {
    handle = TokenizersLibrary.LIB.createTokenizerFromString(json);
  }

  /**
   * The ids of a text.
   *
   * @param text well-formed UTF-16
   */
  int[] encode(String text) {
    lock.readLock().lock();
    try {
      if (handle == 0) {
        throw new IllegalStateException("the tokenizer is closed");
      }
      long encoding = TokenizersLibrary.LIB.encode(handle, text, false);
      try {
        long[] wide = TokenizersLibrary.LIB.getTokenIds(encoding);
        int[] ids = new int[wide.length];
        for (int i = 0; i < ids.length; i++) {
          ids[i] = (int) wide[i];
        }
        return ids;
      } finally {
        TokenizersLibrary.LIB.deleteEncoding(encoding);
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (handle != 0) {
        TokenizersLibrary.LIB.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
