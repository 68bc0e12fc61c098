/** Deployments: load, swap, drain a version; ModelService. */
@NullMarked
package dev.parley.server.models;

import org.jspecify.annotations.NullMarked;
