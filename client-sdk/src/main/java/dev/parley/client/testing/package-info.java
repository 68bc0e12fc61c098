/**
 * A Parley server for tests: in this process, without a model, saying what it was told to say. See
 * {@link dev.parley.client.testing.FakeParleyServer}.
 */
@NullMarked
package dev.parley.client.testing;

import org.jspecify.annotations.NullMarked;
