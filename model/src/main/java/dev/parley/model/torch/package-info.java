/** A TorchScript program made from source text and called with tensors; device and threads. */
@NullMarked
package dev.parley.model.torch;

import org.jspecify.annotations.NullMarked;
