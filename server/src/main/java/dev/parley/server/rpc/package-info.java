/** What every RPC shares: errors as clients see them. */
@NullMarked
package dev.parley.server.rpc;

import org.jspecify.annotations.NullMarked;
