/**
 * Models of a hub that speaks Hugging Face's protocol: downloaded once, kept where Hugging Face's
 * own tools keep theirs.
 */
@NullMarked
package dev.parley.model.hub;

import org.jspecify.annotations.NullMarked;
