/** TrainingService: jobs and the processes that run them. */
@NullMarked
package dev.parley.server.training;

import org.jspecify.annotations.NullMarked;
