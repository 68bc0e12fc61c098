package dev.parley.trainer.data;

import dev.parley.trainer.data.InvalidDataException.Problem;
import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong in a file, up to a number that a person can read. */
final class Problems {
  private static final int LIMIT = 20;

  private final String file;
  private final List<Problem> problems = new ArrayList<>();
  private boolean more;

  Problems(String file) {
    this.file = file;
  }

  /** Notes a problem. Those past the limit are not kept, only that there are some. */
  void add(int line, int column, String message) {
    if (problems.size() == LIMIT) {
      more = true;
    } else {
      problems.add(new Problem(file, line, column, message));
    }
  }

  /** Whether reading on would tell nothing new. */
  boolean full() {
    return more;
  }

  boolean isEmpty() {
    return problems.isEmpty();
  }

  void throwIfAny() {
    if (!problems.isEmpty()) {
      throw new InvalidDataException(problems, more);
    }
  }
}
