package dev.parley.client;

import java.util.OptionalInt;

/**
 * What {@link ModelClient#setAlias} did.
 *
 * @param model as it stands now
 * @param previousVersion what the alias named before; empty: nothing
 */
public record AliasChange(Model model, String alias, OptionalInt previousVersion) {}
