package dev.parley.model.registry;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Collectors;

/** The known name that someone who mistyped probably meant, by Levenshtein distance. */
public final class NearestName {
  private NearestName() {}

  /** The end of a message that says what there is: the nearest name, else some of them. */
  static String hint(String mistyped, Collection<String> known) {
    if (known.isEmpty()) {
      return ", which is empty";
    }
    return of(mistyped, known)
        .map("; the nearest is '%s'"::formatted)
        .orElseGet(
            () ->
                known.stream().limit(10).collect(Collectors.joining("', '", "; there is '", "'")));
  }

  /** The nearest of some names, unless more than half of it would have to be changed. */
  static Optional<String> of(String mistyped, Collection<String> known) {
    return closest(mistyped, known)
        .filter(name -> 2 * distance(mistyped, name) <= Math.max(2, name.length()));
  }

  /** The nearest of some names, however far away; of equally near ones the first by alphabet. */
  public static Optional<String> closest(String mistyped, Collection<String> known) {
    return known.stream()
        .min(
            Comparator.<String>comparingInt(name -> distance(mistyped, name))
                .thenComparing(name -> name));
  }

  /** How many characters must be inserted, deleted or replaced. */
  private static int distance(String left, String right) {
    int[] row = new int[right.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= left.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = diagonal + (left.charAt(i - 1) == right.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[right.length()];
  }
}
