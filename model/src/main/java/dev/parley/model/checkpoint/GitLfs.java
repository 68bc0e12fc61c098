package dev.parley.model.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The text file that a clone without Git LFS has in place of the weights. */
final class GitLfs {
  private static final String START = "version https://git-lfs";

  private GitLfs() {}

  /** Says what to do about a pointer; any other file passes. */
  static void refusePointer(Path file, FileChannel channel) throws IOException {
    ByteSource source = new ByteSource(channel, 0, Math.min(START.length(), channel.size()));
    if (new String(source.readAllBytes(), StandardCharsets.ISO_8859_1).equals(START)) {
      throw CheckpointException.in(
          file, "is a Git LFS pointer and not the weights: run 'git lfs pull' where it came from");
    }
  }
}
