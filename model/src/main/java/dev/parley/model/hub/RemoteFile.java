package dev.parley.model.hub;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A file of a hub, as its HEAD answers.
 *
 * @param name in the repository
 * @param commit that the asked revision means
 * @param etag names its content: the file name of its blob
 * @param size in bytes
 * @param sha256 of the content, for large files (Git LFS): there the linked ETag is that digest.
 *     The ETag of a small file is a Git hash, and a CDN's own is anything.
 */
record RemoteFile(String name, String commit, String etag, long size, Optional<String> sha256) {
  private static final Pattern FILE_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,199}");
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  /** Whether what a server sent can be a file name of the cache, and stays in it. */
  static boolean isSafe(String text) {
    return FILE_NAME.matcher(text).matches() && !text.contains("..");
  }

  static Optional<String> digest(String linkedEtag) {
    return Optional.of(linkedEtag).filter(etag -> SHA256.matcher(etag).matches());
  }

  /** An ETag without its quotation marks and the sign of weakness. */
  static String plain(String etag) {
    String text = etag.startsWith("W/") ? etag.substring(2) : etag;
    return text.length() >= 2 && text.startsWith("\"") && text.endsWith("\"")
        ? text.substring(1, text.length() - 1)
        : text;
  }
}
