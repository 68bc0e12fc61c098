package dev.parley.client;

/** When a new version becomes its model's default. */
public enum PromotionPolicy {
  /** The first version of a model becomes its default; a later one waits. */
  NEVER,
  /** If its evaluation loss is not above the present default's on the same data. */
  IF_BETTER,
  ALWAYS
}
