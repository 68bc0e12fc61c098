package dev.parley.loadtest;

/** How conversations arrive. */
public sealed interface Load {
  /** A short name for tables, such as {@code 16 at once}. */
  String describe();

  /**
   * A closed loop: so many conversations are held at once, and a new one begins when one has ended.
   * A slow server is asked less: use {@link Open} to see what its users would wait.
   */
  record Closed(int conversations) implements Load {
    public Closed {
      if (conversations < 1) {
        throw new IllegalArgumentException(
            "conversations is " + conversations + "; at least 1 must be held at once");
      }
    }

    @Override
    public String describe() {
      return conversations + " at once";
    }
  }

  /**
   * An open loop: conversations begin at random times (a Poisson process) of this rate, whether the
   * server keeps up or not.
   *
   * @param perSecond new conversations per second
   */
  record Open(double perSecond) implements Load {
    public Open {
      if (!(perSecond > 0)) {
        throw new IllegalArgumentException("The rate is " + perSecond + "; it must be above 0");
      }
    }

    @Override
    public String describe() {
      return perSecond + " a second";
    }
  }
}
