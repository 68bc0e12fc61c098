/** Model versions on disk: immutable, with lineage, digests and aliases. */
@NullMarked
package dev.parley.model.registry;

import org.jspecify.annotations.NullMarked;
