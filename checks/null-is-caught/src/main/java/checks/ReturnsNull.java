package checks;

/** Promises a text and returns null. */
final class ReturnsNull {
  private ReturnsNull() {}

  static String text() {
    return null;
  }
}
