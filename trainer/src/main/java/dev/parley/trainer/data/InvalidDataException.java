package dev.parley.trainer.data;

import java.util.List;

/** Training data that cannot be used; says what is wrong and where, not only the first time. */
public final class InvalidDataException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final transient List<Problem> problems;
  private final boolean more;

  /**
   * Something wrong in a file.
   *
   * @param line from 1; 0 when the file as a whole is meant
   * @param column from 1, in characters; 0 when the line as a whole is meant
   * @param message what was found and what was expected
   */
  public record Problem(String file, int line, int column, String message) {
    @Override
    public String toString() {
      String place = line == 0 ? file : column == 0 ? file + ":" + line : at();
      return place + ": " + message;
    }

    private String at() {
      return file + ":" + line + ":" + column;
    }
  }

  /**
   * Data with problems.
   *
   * @param more whether there are others that were not looked for
   */
  public InvalidDataException(List<Problem> problems, boolean more) {
    super(text(problems, more));
    this.problems = List.copyOf(problems);
    this.more = more;
  }

  /** What is wrong, in the order of the file; at least one. */
  public List<Problem> problems() {
    return problems;
  }

  /** Whether there are others that were not looked for. */
  public boolean more() {
    return more;
  }

  private static String text(List<Problem> problems, boolean more) {
    StringBuilder text = new StringBuilder();
    for (Problem problem : problems) {
      text.append(text.isEmpty() ? "" : "\n").append(problem);
    }
    return text.append(more ? "\n… and more problems after these" : "").toString();
  }
}
