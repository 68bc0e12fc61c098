package dev.parley.trainer.eval;

import java.util.function.Function;

/**
 * How text becomes tokens and back; the tokenizer of the model that is trained or evaluated.
 *
 * @param encodeTurn the tokens of a turn's text, and the end of text after them
 * @param decode the text of tokens, the end of text left out
 */
public record Codec(Function<String, int[]> encodeTurn, Function<int[], String> decode) {}
